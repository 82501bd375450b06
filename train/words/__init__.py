"""Tags in words: what people called galaxies, heads that learn it, and how well they do."""
