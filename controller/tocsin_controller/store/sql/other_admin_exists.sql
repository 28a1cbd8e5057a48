-- Whether there would still be a working admin key without this one. Stops at the first.
SELECT EXISTS (
    SELECT FROM api_keys
    WHERE id <> $1 AND active AND role = 'admin' AND (expires_at IS NULL OR expires_at > now())
)
