-- What is kept of an execution's output is this, as its stdout: what it printed is elsewhere, and is found by its words
-- no more. Indexes: primary keys.
WITH gone AS (
    DELETE FROM execution_output WHERE execution_id = $1 AND (stream <> 1 OR start_offset > 0)
), unfound AS (
    DELETE FROM output_search WHERE id = $1
), told AS (
    UPDATE executions
    SET stdout_bytes = length($2::bytea), stderr_bytes = 0, stdout_truncated = false, stderr_truncated = false
    WHERE id = $1
)
INSERT INTO execution_output (execution_id, stream, start_offset, seq, data)
VALUES ($1, 1, 0, 0, $2::bytea)
ON CONFLICT (execution_id, stream, start_offset) DO UPDATE SET data = excluded.data
