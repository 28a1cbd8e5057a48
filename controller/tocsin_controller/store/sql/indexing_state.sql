-- Up to where executions have been looked at. One row.
SELECT indexed_until FROM indexing
