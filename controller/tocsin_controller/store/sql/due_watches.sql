-- What is to be looked at now, for one controller: the others skip it. Index: watches_due.
SELECT job_id, kind, run_id, due_at, about, now() AS now
FROM watches
WHERE due_at <= now() AND due_at < 'infinity'
ORDER BY due_at
LIMIT 100
FOR UPDATE SKIP LOCKED
