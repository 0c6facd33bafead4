"""The Rig workspace: devices, calibration; one page each."""
