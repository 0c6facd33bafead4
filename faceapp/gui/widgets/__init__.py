"""The parts of which every workspace is made; see the modules."""
