-- Who holds, and who waits for, one of the places that a job or a shared key has. A run has a row for each key that it
-- needs, and holds all of them or none. They go with the run's end.
CREATE TABLE places (
    run_id uuid NOT NULL,
    -- `job:<id>` for a job's own limit, `key:<name>` for a shared one.
    key text NOT NULL,
    job_id uuid NOT NULL,
    job_version int NOT NULL,
    -- The run may hold it while fewer than this do.
    at_most int NOT NULL CHECK (at_most >= 1),
    -- It does not only wait: the oldest on this key are to be cancelled.
    is_replacing boolean NOT NULL DEFAULT false,
    -- Places are given in this order.
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Since when it holds its places; NULL: it waits.
    held_at timestamptz,
    -- The newer run for which this one was asked to end.
    replaced_by uuid,
    PRIMARY KEY (run_id, key)
) WITH (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX places_by_key ON places (key, asked_at);
CREATE INDEX places_waiting ON places (key, job_id) WHERE held_at IS NULL;
CREATE INDEX places_waiting_of_job ON places (job_id) WHERE held_at IS NULL;
