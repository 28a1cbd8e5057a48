"""One module per task family; each is imported only when first used."""
