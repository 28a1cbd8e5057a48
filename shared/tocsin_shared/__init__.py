"""What controller, agent and CLI say to each other: models on the wire, errors and ids. No I/O."""
