"""Jobs that may have crashed a worker: the order in which they run, and their rehearsal."""
