"""Tocsin as a server of the Model Context Protocol: tools that find jobs, run them and read what came of it."""
