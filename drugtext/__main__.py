"""`python -m drugtext` is the command line."""

from drugtext.cli import main

main()
