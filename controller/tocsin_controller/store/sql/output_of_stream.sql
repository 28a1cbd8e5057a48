-- One stream of an execution from an offset on, in order. Index: primary key.
SELECT start_offset, data
FROM execution_output
WHERE execution_id = $1 AND stream = $2 AND start_offset >= $3
ORDER BY start_offset
LIMIT $4
