"""A rig that is not there: ordinary drivers over a world of its own process, with the truth on request."""
