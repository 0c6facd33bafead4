"""Rigid alignment, ICP, closest points, fusion, meshing, deformation, rendering of depth, distances."""
