-- What is still to be done because of something that is true already: written in the transaction that made it true,
-- done and deleted in another one, exactly once (see workflow/outbox.py). Usually empty.
CREATE TABLE outbox (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Which handler does it.
    kind text NOT NULL,
    payload jsonb NOT NULL,
    due_at timestamptz NOT NULL DEFAULT now(),
    -- How often it was tried without success, and why the last try failed.
    attempts int NOT NULL DEFAULT 0,
    last_error text,
    -- Given up after too many tries; somebody has to look at it.
    set_aside_at timestamptz
) WITH (
    fillfactor = 85, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX outbox_due ON outbox (kind, due_at) WHERE set_aside_at IS NULL;
