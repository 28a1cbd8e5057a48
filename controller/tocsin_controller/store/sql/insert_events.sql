-- Adds events, all or none, in the transaction of what they tell; those that start jobs are noted in the outbox, except
-- what a loop guard says, which must not feed the loop. Index: primary key; event_triggers is small.
WITH added AS (
    INSERT INTO events (id, kind, severity, message, job_id, run_id, execution_id, agent_id, api_key_id, api_key_name,
                        details)
    SELECT *
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[],
                $9::uuid[], $10::text[], $11::text[])
    RETURNING id, kind, severity
)
INSERT INTO outbox (kind, payload)
SELECT 'event', jsonb_build_object('event_id', added.id)
FROM added
WHERE added.kind <> 'job.loop_stopped' AND EXISTS (
    SELECT FROM event_triggers AS t
    WHERE added.kind LIKE t.kind_like AND (t.severity IS NULL OR t.severity = added.severity)
)
