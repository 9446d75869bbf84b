"""The command ``writing-service``."""
