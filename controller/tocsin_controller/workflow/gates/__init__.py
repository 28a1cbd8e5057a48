"""What may stand between a run and the queue: approval, limits, shared keys."""
