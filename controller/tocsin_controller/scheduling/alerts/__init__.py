"""What is told when a time has come: deadlines, late starts, long runs, missing runs."""
