"""The proof: real processes, faults on purpose, jobs that are their own witnesses, verdicts on what was seen."""
