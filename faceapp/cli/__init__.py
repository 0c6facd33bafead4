"""The command line: one file a command; each parses, calls a function of ``faceapp.app``, and prints its events."""
