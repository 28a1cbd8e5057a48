-- Whether a key still lets anybody in. Index: primary key.
SELECT EXISTS (
    SELECT FROM api_keys WHERE id = $1 AND active AND (expires_at IS NULL OR expires_at > now())
)
