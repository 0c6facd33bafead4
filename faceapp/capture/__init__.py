"""Capture: the plan, the engine that runs it, buffers, and the verdict on what came."""
