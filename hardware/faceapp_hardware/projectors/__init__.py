"""Projectors that are spoken to over a line."""
