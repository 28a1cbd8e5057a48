-- Scheduled jobs that an event of this kind and severity may start, in order from after $3. Until the transaction ends
-- they can't be deleted, nor changed by anybody who locks them first.
-- Index: event_triggers_pkey in order; the table is small.
SELECT t.job_id, j.version
FROM event_triggers AS t JOIN jobs AS j ON j.id = t.job_id
WHERE $1::text LIKE t.kind_like AND (t.severity IS NULL OR t.severity = $2) AND t.job_id > $3 AND j.status = 'scheduled'
ORDER BY t.job_id
LIMIT $4
FOR KEY SHARE OF j
