"""Clouds and meshes: VTK renders off screen into a picture that a QPainter draws.

Importing `faceapp.gui.view3d.view` imports VTK: do it after the first paint.
"""
