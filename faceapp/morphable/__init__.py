"""Linear, bilinear and articulated models of the head: build, fit, evaluate, load."""
