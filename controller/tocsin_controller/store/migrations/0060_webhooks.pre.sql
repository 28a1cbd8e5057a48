-- Addresses that run a job without a key. The token in it is the right to do so: only its hash is kept.
CREATE TABLE webhooks (
    job_id uuid PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    -- SHA-256 of the token, which is shown once.
    token_hash bytea NOT NULL UNIQUE,
    -- What runs show of it.
    token_prefix text NOT NULL,
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now()
);
