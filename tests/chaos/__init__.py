"""Faults in real processes: nothing is lost, nothing is done twice."""
