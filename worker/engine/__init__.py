"""Step-level batching: jobs join and leave the batch at every denoising step, and none changes another's picture."""
