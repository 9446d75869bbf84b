"""The whole service on one machine: a private Redis, workers and the API as separate processes."""
