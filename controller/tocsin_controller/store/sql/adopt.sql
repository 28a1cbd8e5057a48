-- Agents have what the lost part of the database handed out: it leaves the queue and becomes their lease, with the fence
-- that they show, which is of an epoch that is over (40 = EPOCH_SHIFT) and higher than any known here. Of two agents the
-- one with the higher fence has the right (G6). Started: it is never handed out again (G2). Not said in a poll: `seq` 0, the
-- answer that carried it is past. Index: primary key.
WITH named AS (
    SELECT DISTINCT ON (execution_id) *
    FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::bigint[])
        AS n (execution_id, fence, agent_id, incarnation, seq)
    ORDER BY execution_id, fence DESC
), taken AS (
    DELETE FROM queue AS q
    USING named AS n
    WHERE q.execution_id = n.execution_id AND q.uncertain_since IS NOT NULL
        AND n.fence > q.fence AND n.fence >> 40 < (SELECT epoch FROM cluster)
    RETURNING q.execution_id, q.run_id, q.job_id, q.job_version, q.attempt_number, q.scheduled_for,
              n.agent_id, n.fence, n.incarnation, coalesce(n.seq, 0) AS seq
)
INSERT INTO leases (execution_id, agent_id, fence, incarnation, seq, run_id, job_id, job_version, attempt_number,
                    scheduled_for, expires_at, started)
SELECT execution_id, agent_id, fence, incarnation, seq, run_id, job_id, job_version, attempt_number, scheduled_for,
       now() + make_interval(secs => $6), true
FROM taken
RETURNING execution_id, agent_id, fence, run_id, job_id, job_version, attempt_number, scheduled_for
