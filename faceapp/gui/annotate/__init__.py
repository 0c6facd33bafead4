"""The Annotate workspace."""
