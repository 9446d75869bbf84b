"""The contract between API and workers: schemas, settings, errors, the queue and the job records."""

from shared.version import __version__ as __version__
