"""What is told about how runs went: too short, failing, well again; and what is to be looked at later."""
