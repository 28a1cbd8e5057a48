"""What is due, and turning it into runs."""
