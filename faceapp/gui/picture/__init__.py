"""Pictures in 2D: the large view with landmarks, the loupe, the live views."""
