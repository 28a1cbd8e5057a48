-- Hands the oldest takeable rows of each lane to those who wait: a row leaves the queue, a lease with a higher fence
-- takes its place (G6; it begins with the epoch, 40 = EPOCH_SHIFT), all in this one statement, so no lock outlives it. Rows another controller is handing out
-- are skipped; the lower bound per lane steps over dead entries. $5 is one list of seats for all lanes, lane by lane,
-- each naming a call of $6..$9. An agent whose newer process has registered meanwhile gets nothing: its row comes
-- back without `fence` and stays in the queue. Indexes: queue_lanes, primary keys.
WITH lanes AS (
    SELECT lane.*, sum(wanted) OVER (ORDER BY number) - wanted AS seats_before
    FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::int[])
        WITH ORDINALITY AS lane (route, priority, low, wanted, number)
), rows AS (
    SELECT q.execution_id, q.position, lanes.number, lanes.seats_before
    FROM lanes
    CROSS JOIN LATERAL (
        SELECT c.execution_id, c.position
        FROM queue AS c
        WHERE c.route = lanes.route AND c.priority = lanes.priority AND c.ready_at IS NULL AND c.position > lanes.low
        ORDER BY c.position
        LIMIT lanes.wanted
        FOR UPDATE SKIP LOCKED
    ) AS q
), seated AS (
    SELECT execution_id, position, number,
           ($5::int[])[seats_before + row_number() OVER (PARTITION BY number ORDER BY position)] AS call
    FROM rows
), calls AS (
    SELECT c.*
    FROM unnest($6::uuid[], $7::uuid[], $8::bigint[], $9::float8[])
        WITH ORDINALITY AS c (agent_id, incarnation, seq, lease_secs, call)
    JOIN agents AS a ON a.id = c.agent_id AND a.incarnation IS NOT DISTINCT FROM c.incarnation
), taken AS (
    DELETE FROM queue AS q
    USING seated AS s
    JOIN calls AS c ON c.call = s.call
    WHERE q.execution_id = s.execution_id
    RETURNING q.*, greatest(q.fence + 1, (SELECT (epoch << 40) + 1 FROM cluster)) AS new_fence,
              s.number, s.call, c.agent_id, c.incarnation, c.seq, c.lease_secs
), leased AS (
    INSERT INTO leases (execution_id, agent_id, fence, incarnation, seq, run_id, job_id, job_version, attempt_number,
                        scheduled_for, expires_at)
    SELECT execution_id, agent_id, new_fence, incarnation, seq, run_id, job_id, job_version, attempt_number,
           scheduled_for, now() + make_interval(secs => lease_secs)
    FROM taken
)
SELECT number::int - 1 AS look, position, call - 1 AS call, execution_id, agent_id, new_fence AS fence, run_id, job_id,
       job_version, attempt_number, scheduled_for
FROM taken
UNION ALL
SELECT number::int - 1, position, call - 1, execution_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM seated
WHERE (execution_id IN (SELECT taken.execution_id FROM taken)) IS NOT TRUE
