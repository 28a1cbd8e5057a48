-- Runs that wait for somebody's approval. Their executions are `pending_approval` and not in the queue.

-- One row per run that waits: whoever deletes it has decided (approve, reject, cancel, expiry).
CREATE TABLE approvals (
    run_id uuid PRIMARY KEY,
    job_id uuid NOT NULL,
    job_version int NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    -- NULL: it waits for ever.
    expires_at timestamptz
);
CREATE INDEX approvals_by_job ON approvals (job_id);
CREATE INDEX approvals_due ON approvals (expires_at) WHERE expires_at IS NOT NULL;

-- What was asked and answered: {status, asked_at, expires_at, by, note, decided_at}; NULL: nothing was.
ALTER TABLE runs ADD COLUMN approval jsonb;
