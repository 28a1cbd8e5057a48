-- The state of the brake and what it is decided from, locked; no row while another controller is at it. Agents inside
-- controllers don't count. Silent: those whose lease ran out within the last $1 seconds. Whole tables: small.
SELECT b.swept_at, b.resumed_at, b.held_until, b.held_since, b.why, now() AS now,
       (SELECT epoch FROM cluster) AS epoch,
       (SELECT count(*) FROM agents
        WHERE agent_type <> 'local' AND lease_expires_at < now()
            AND lease_expires_at > now() - make_interval(secs => $1)) AS silent,
       (SELECT count(*) FROM agents WHERE agent_type <> 'local' AND lease_expires_at >= now()) AS alive,
       EXISTS (SELECT FROM agents WHERE agent_type <> 'local' AND status <> 'offline')
           OR EXISTS (SELECT FROM leases) AS is_in_use
FROM brake AS b
FOR UPDATE OF b SKIP LOCKED
