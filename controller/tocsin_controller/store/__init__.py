"""All SQL: one statement per file in sql/, one function per question."""
