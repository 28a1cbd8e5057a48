"""How answers are shown: JSON as the API sent it, tables on a terminal, plain columns everywhere else."""
