"""How features hold when the telescope changes: degraded images, pairs, other surveys."""
