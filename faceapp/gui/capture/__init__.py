"""The Capture workspace."""
