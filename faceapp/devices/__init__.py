"""What a camera, a projector and a rig of them promise. No driver lives here: they are found by entry point."""
