"""Everything that is checked: unit (no database), integration (real PostgreSQL), compat, chaos, bench."""
