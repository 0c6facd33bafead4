"""The plugins that come with faceapp, found by the entry point ``faceapp.plugins``."""
