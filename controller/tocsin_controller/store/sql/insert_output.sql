-- Keeps what executions printed; the same bytes sent again change nothing (G5). With a fence, only while that is the
-- one of the execution's lease (G6). Returns the executions whose output was kept. Indexes: primary keys.
WITH chunks AS MATERIALIZED (
    SELECT c.*
    FROM unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::int[], $5::bytea[], $6::bigint[])
        AS c (execution_id, stream, start_offset, seq, data, fence)
    LEFT JOIN leases AS l ON l.execution_id = c.execution_id AND l.fence = c.fence
    WHERE c.fence IS NULL OR l.fence IS NOT NULL
), kept AS (
    INSERT INTO execution_output (execution_id, stream, start_offset, seq, data)
    SELECT execution_id, stream, start_offset, seq, data FROM chunks
    ON CONFLICT (execution_id, stream, start_offset) DO NOTHING
)
SELECT DISTINCT execution_id FROM chunks
