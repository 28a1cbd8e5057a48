"""What people do to jobs and read of history, between the routes and the store."""
