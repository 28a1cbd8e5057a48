-- The approval expires so many seconds from now. Index: primary key.
UPDATE approvals SET expires_at = now() + make_interval(secs => $2) WHERE run_id = $1
