"""SSH: reaching a host, knowing that it is the right one, and having it run a command."""
