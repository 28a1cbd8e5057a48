-- What is to be looked at, and when: deadlines, late starts, long runs, missing runs. A look costs what is due.

CREATE TABLE watches (
    job_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('sla', 'missing', 'late_start', 'too_long')),
    -- The run; of the job as a whole the nil UUID.
    run_id uuid NOT NULL,
    -- infinity: it was told, and is told again only when something changes.
    due_at timestamptz NOT NULL,
    -- The deadline that an SLA is about; until it is due, a warning is.
    about timestamptz,
    PRIMARY KEY (job_id, kind, run_id)
) WITH (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX watches_due ON watches (due_at) WHERE due_at < 'infinity';

-- How many runs in a row have failed, of jobs that want to know, and whether that was told.
CREATE TABLE streaks (
    job_id uuid PRIMARY KEY,
    failures int NOT NULL DEFAULT 0,
    is_told boolean NOT NULL DEFAULT false
) WITH (fillfactor = 70);
