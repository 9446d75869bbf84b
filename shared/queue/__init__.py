"""Jobs in Redis: their records, leases, messages, events and results."""
