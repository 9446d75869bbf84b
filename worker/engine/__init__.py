"""Step-level batching: jobs join and leave a batch at every denoising step without affecting each other's pictures."""
