"""Bring your own survey: tables, archives, cubes and mosaics, to Catalogues."""
