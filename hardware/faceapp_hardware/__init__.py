"""Drivers of cameras, projectors and whole rigs, found by the entry point ``faceapp.drivers``."""
