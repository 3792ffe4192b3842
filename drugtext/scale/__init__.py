"""Corpora of any size on this machine or on many: parts -> answers -> output, each insert once."""
