"""A rig of real devices, named in a rig file by driver and serial number."""
