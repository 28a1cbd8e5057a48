"""Putting values of variables and params into tasks, as data and never as code. Pure."""
