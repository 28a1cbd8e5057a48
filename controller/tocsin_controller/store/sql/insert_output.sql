-- Keeps what executions printed; the same bytes sent again change nothing (G5). Index: primary key.
INSERT INTO execution_output (execution_id, stream, start_offset, seq, data)
SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::int[], $5::bytea[])
ON CONFLICT (execution_id, stream, start_offset) DO NOTHING
