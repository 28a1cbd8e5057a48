-- How far a trial is. Index: primary key.
SELECT told_at IS NOT NULL AS is_told, success, message FROM connection_trials WHERE id = $1
