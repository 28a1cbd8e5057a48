-- Executions before this one have been looked at. One row.
UPDATE indexing SET indexed_until = $1
