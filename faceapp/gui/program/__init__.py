"""What the window is about: project, subject, sample, operator, jobs; the File menu and the status bar."""
