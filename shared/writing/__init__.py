"""Words: how they are written, what they mean, and what depicts them."""
