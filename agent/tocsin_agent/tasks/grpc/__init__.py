"""Calls of gRPC methods: `runner` makes them, `reflection` learns from the server what they take and give."""
