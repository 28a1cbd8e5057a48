"""Ways to bring Tocsin up: the demo, a development fleet, and packaging for real hosts."""
