"""Measures Tocsin as real processes beside the floor of the same machine in the same run. Not part of the tests."""
