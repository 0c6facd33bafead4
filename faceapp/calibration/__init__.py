"""Calibration: boards in pictures, the adjustment of a whole rig, its report, its check, the next useful picture."""
