"""Lists of words, read from the files of any program."""
