-- What an execution printed from a position in each stream on, in the order it was sent. The first chunk of a stream is
-- the one that holds the position. Reads no more than $4 chunks of each. Index: primary key.
SELECT stream, start_offset, seq, data
FROM (
    (SELECT stream, start_offset, seq, data
     FROM execution_output
     WHERE execution_id = $1 AND stream = 1 AND start_offset >= coalesce((
         SELECT max(start_offset) FROM execution_output
         WHERE execution_id = $1 AND stream = 1 AND start_offset <= $2), $2)
     ORDER BY start_offset
     LIMIT $4 + 1)
    UNION ALL
    (SELECT stream, start_offset, seq, data
     FROM execution_output
     WHERE execution_id = $1 AND stream = 2 AND start_offset >= coalesce((
         SELECT max(start_offset) FROM execution_output
         WHERE execution_id = $1 AND stream = 2 AND start_offset <= $3), $3)
     ORDER BY start_offset
     LIMIT $4 + 1)
) AS next
WHERE start_offset + length(data) > CASE stream WHEN 1 THEN $2 ELSE $3 END
ORDER BY seq, stream, start_offset
LIMIT $4
