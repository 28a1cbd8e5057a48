-- This call is accepted now and not again for so many seconds; no row when it was accepted already. Two at once: the
-- second waits until the first has committed. Forgets some old ones. Indexes: primary key, webhook_calls_by_age.
WITH old AS (
    DELETE FROM webhook_calls
    WHERE (job_id, nonce) IN (
        SELECT job_id, nonce FROM webhook_calls WHERE forget_at < now() ORDER BY forget_at LIMIT 20 FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO webhook_calls (job_id, nonce, forget_at)
VALUES ($1, $2, now() + make_interval(secs => $3))
ON CONFLICT (job_id, nonce) DO NOTHING
RETURNING job_id
