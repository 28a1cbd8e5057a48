"""What the words of Dkron's jobs mean, for its API and for importing them. Pure."""
