"""Jobs that may have crashed a worker: in which order they run, and what is tried first."""
