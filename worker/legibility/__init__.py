"""Whether the word can be read in the picture, and how strongly it then steers."""
