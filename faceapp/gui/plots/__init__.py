"""Small pictures of numbers, drawn by QPainter."""
