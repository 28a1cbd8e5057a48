"""Output rules: reading patterns and paths, judging output in a process of its own, where output may be sent."""
