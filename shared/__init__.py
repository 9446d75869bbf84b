"""What API and workers share: schemas, settings, errors, the queue with its job records, words and their databases."""

from shared.version import __version__ as __version__
