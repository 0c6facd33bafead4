"""faceapp: capture, landmark annotation, registration and review for 3D face laboratories."""

__version__ = "0.1.0"
