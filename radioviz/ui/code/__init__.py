"""Show as code: the lines of the Python API that repeat what a page shows."""
