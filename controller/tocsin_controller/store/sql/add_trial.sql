-- Ask an agent ($2) to try a connection, unless $5 wait for it already; the id if so. What is over is forgotten on the way.
-- Index: connection_trials_by_agent; the table holds what is being tried this minute.
WITH over AS (DELETE FROM connection_trials WHERE expires_at < now())
INSERT INTO connection_trials (id, agent_id, connection, expires_at)
SELECT $1, $2, $3, now() + make_interval(secs => $4::double precision)
WHERE (SELECT count(*) FROM connection_trials WHERE agent_id = $2 AND expires_at >= now()) < $5::int
RETURNING id
