"""What a worker does beside drawing."""
