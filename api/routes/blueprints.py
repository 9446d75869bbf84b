"""What the blueprints of the API have in common: the prefix of their addresses, and the tags that group its calls."""

from flask_openapi3 import Tag

PREFIX = "/api/writing"
DECKS = Tag(name="decks", description="lists of words")
JOBS = Tag(name="jobs", description="turn words into pictures")
STATUS = Tag(name="status", description="what the service offers")
