"""The window: Qt, pyqtgraph and VTK live here and nowhere else in faceapp."""
