"""Structured light: demodulation, unwrapping, correspondence, triangulation, uncertainty, colour."""
