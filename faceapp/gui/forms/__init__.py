"""Forms made from typed parameters."""
