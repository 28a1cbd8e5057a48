-- Frees what was deleted and counts anew, table by table; one that somebody has locked is left out. Not in a transaction.
VACUUM (ANALYZE, SKIP_LOCKED)
