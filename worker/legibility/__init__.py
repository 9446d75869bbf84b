"""Whether the word can be read in the picture, and how strongly it should steer."""
