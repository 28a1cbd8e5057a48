"""Telling people: messages that wait in the outbox, the channels they go through, and what is worth one."""
