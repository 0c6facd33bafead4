"""Plugins and the work they do: the contract, the registry, jobs and worker processes."""
