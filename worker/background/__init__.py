"""What a worker does beside drawing, each in a thread of its own."""
