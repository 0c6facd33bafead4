"""Templates onto scans."""
