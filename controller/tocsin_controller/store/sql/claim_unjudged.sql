-- Takes results that nobody judges, for so many seconds. Index: unjudged_results_due.
UPDATE unjudged_results AS u
SET claimed_until = now() + make_interval(secs => $2), claims = claims + 1
WHERE execution_id IN (
    SELECT execution_id
    FROM unjudged_results
    WHERE claimed_until <= now()
    ORDER BY claimed_until
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
RETURNING execution_id, run_id, job_id, job_version, attempt_number, scheduled_for, agent_id, fence, result, is_late,
          is_cancel_requested, claims, started_at, finished_at
