"""The HTTP API: validates requests, queues jobs and reports their status. It does not import torch."""
