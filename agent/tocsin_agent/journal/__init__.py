"""What the agent accepted, started and ended, on disk: its crash record (G2) and its outbox (G4)."""
