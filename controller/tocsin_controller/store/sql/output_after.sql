-- What an execution printed after a position in each stream, in the order it was sent; chunks are at most 64 KiB.
-- Index: primary key.
SELECT stream, start_offset, seq, data
FROM execution_output
WHERE execution_id = $1
    AND ((stream = 1 AND start_offset > $2 - 65536 AND start_offset + length(data) > $2)
        OR (stream = 2 AND start_offset > $3 - 65536 AND start_offset + length(data) > $3))
ORDER BY seq, stream, start_offset
LIMIT 100
