"""The worker's background tasks, each in its own thread."""
