"""Landmarks: the scheme, 2D to 3D and back, prefill, history."""
