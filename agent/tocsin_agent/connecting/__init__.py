"""Trying connections out: each module logs in to one type of server with its real driver, and lets go again."""
