"""What a reader does with a table of galaxies: columns, filters, named subsets, one saved state."""
