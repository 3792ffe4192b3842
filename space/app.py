"""The page as a Hugging Face Space: what `drugtext app` serves."""

import os

import drugtext
from drugtext.app import launch_options, make_page

demo = make_page(drugtext.load(os.environ.get("DRUGTEXT_MODEL") or None))

if __name__ == "__main__":
    demo.launch(**launch_options())
