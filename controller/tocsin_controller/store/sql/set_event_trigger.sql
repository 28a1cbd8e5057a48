-- Which events start the job; its row is locked. Index: primary key.
INSERT INTO event_triggers (job_id, kind_like, severity)
VALUES ($1, $2, $3)
ON CONFLICT (job_id) DO UPDATE SET kind_like = excluded.kind_like, severity = excluded.severity
