"""A parametric quad head made by code: template of registrations, subject of the simulated rig."""
