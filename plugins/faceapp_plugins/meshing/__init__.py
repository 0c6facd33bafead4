"""Surfaces from clouds."""
