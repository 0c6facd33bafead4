"""Values and their laws.

Frozen dataclasses of read-only NumPy arrays, in millimetres, radians and pixels. Everything else in
faceapp imports from here; nothing here imports from the rest.
"""
