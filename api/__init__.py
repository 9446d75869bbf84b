"""The HTTP side: validates requests, puts jobs into the queue, tells how they stand. Knows no torch."""
