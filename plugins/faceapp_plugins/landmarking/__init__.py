"""Landmark networks: crops that the project renders itself, training on them, workers for foreign detectors."""
