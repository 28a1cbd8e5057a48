"""Jobs from a description in plain words, written by a language model that somebody else runs."""
