"""Cameras of makers: each driver is a source of frames under the one `GrabbingCamera`."""
