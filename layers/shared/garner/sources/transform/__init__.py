"""Transform, paths, filters and quality control, in a process that can be killed."""
