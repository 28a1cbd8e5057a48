"""One module per kind of thing; each lists its routes."""
