-- Signed webhooks: the secret that calls are signed with, and which calls were accepted lately.
ALTER TABLE webhooks
    ADD COLUMN sealed bytea,
    ADD COLUMN key_id bytea,
    ADD CONSTRAINT webhooks_key_of_sealed CHECK ((key_id IS NULL) = (sealed IS NULL));
CREATE INDEX webhooks_by_key ON webhooks (key_id) WHERE key_id IS NOT NULL;

CREATE TABLE webhook_calls (
    job_id uuid NOT NULL REFERENCES webhooks (job_id) ON DELETE CASCADE,
    -- SHA-256 of what makes the call one of its kind.
    nonce bytea NOT NULL,
    -- Until then the same call is refused.
    forget_at timestamptz NOT NULL,
    PRIMARY KEY (job_id, nonce)
);
CREATE INDEX webhook_calls_by_age ON webhook_calls (forget_at);
