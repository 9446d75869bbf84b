"""The files in which a deck is downloaded."""
