"""Statements for databases: `runner` sees to them, one module each speaks to a kind of database, `output` prints."""
