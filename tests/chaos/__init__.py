"""Faults in real processes: nothing is lost, and nothing is done twice."""
