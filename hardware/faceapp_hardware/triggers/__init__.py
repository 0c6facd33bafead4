"""Trigger boxes: they count pulses, or make them, and fire flashes and cameras."""
