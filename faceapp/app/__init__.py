"""What people can do, as functions: the window and the command line are two faces of these."""
