"""Keys, roles and who may do what."""
