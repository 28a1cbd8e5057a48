"""The ops CLI: a client of the REST API."""
