-- What is kept of one stream of an execution is this from now on. Index: primary key.
WITH gone AS (
    DELETE FROM execution_output WHERE execution_id = $1 AND stream = $2 AND start_offset > 0
)
INSERT INTO execution_output (execution_id, stream, start_offset, seq, data)
VALUES ($1, $2, 0, 0, $3)
ON CONFLICT (execution_id, stream, start_offset) DO UPDATE SET data = excluded.data
