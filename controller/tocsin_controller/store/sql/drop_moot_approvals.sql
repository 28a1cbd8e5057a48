-- Nothing of these runs waits for approval any more, because it was cancelled: nobody is to be asked.
-- Index: primary keys, executions_by_run.
WITH moot AS (
    DELETE FROM approvals AS a
    WHERE a.run_id = ANY($1::uuid[])
        AND NOT EXISTS (
            SELECT FROM executions AS e WHERE e.run_id = a.run_id AND coalesce(e.status, '') = 'pending_approval'
        )
    RETURNING a.run_id
)
UPDATE runs AS r
SET approval = r.approval || jsonb_build_object('status', 'cancelled', 'decided_at', now())
FROM moot
WHERE r.id = moot.run_id AND r.id = ANY($1::uuid[])
