"""What the REST API answers with, by what it is about. Lists come as a `Page`; the rest as it stands here."""
