-- The end of each stream of each execution: $2 bytes of it, however small the chunks it came in. Of chunks smaller than
-- 16 bytes fewer: no more than $2 / 16 are read, but 256 in any case. Index: primary key.
SELECT w.id AS execution_id, s.stream,
       (SELECT string_agg(last.data, '' ORDER BY last.start_offset)
        FROM (SELECT o.start_offset, substring(o.data FROM greatest(length(o.data) - $2::int + 1, 1)) AS data
              FROM execution_output AS o
              WHERE o.execution_id = w.id AND o.stream = s.stream AND o.start_offset >= coalesce((
                  SELECT max(b.start_offset) FROM execution_output AS b
                  WHERE b.execution_id = w.id AND b.stream = s.stream AND b.start_offset <= whole.size - $2::int), 0)
              ORDER BY o.start_offset DESC
              LIMIT greatest($2::int / 16, 256)) AS last) AS data
FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN (VALUES (1::smallint), (2::smallint)) AS s (stream)
CROSS JOIN LATERAL (
    SELECT e.start_offset + length(e.data) AS size
    FROM execution_output AS e
    WHERE e.execution_id = w.id AND e.stream = s.stream
    ORDER BY e.start_offset DESC
    LIMIT 1) AS whole
