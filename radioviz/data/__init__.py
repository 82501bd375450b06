"""Data sets: Catalogues, public and imported surveys, preprocessing, splits."""
