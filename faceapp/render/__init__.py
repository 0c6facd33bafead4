"""Off-screen pictures of clouds, meshes, heat maps and contact sheets (VTK, in workers)."""
