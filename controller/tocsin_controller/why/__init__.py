"""Why something ran, waits or did not run: facts in, findings out; small pure functions, each about one thing."""
