"""Files in and out: capture bundle, images, PLY and OBJ, landmarks, templates, reports; atomic writes."""
