"""A project on the disk: subjects, samples, verdicts, and an index that can always be made anew from the folders."""
