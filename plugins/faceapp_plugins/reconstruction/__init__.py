"""Faces from photographs."""
