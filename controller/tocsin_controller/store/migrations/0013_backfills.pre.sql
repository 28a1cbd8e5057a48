-- Backfills: runs for a range of instants of the past, a few at a time.
CREATE TABLE backfills (
    id uuid PRIMARY KEY,
    job_id uuid NOT NULL,
    job_name text NOT NULL,
    -- The version whose schedule says what is due, and which runs.
    job_version int NOT NULL,
    -- Intervals are counted from here.
    anchor timestamptz NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    max_concurrent int NOT NULL,
    include_skipped boolean NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'done', 'cancelled')),
    -- Instants up to here are dealt with.
    cursor_at timestamptz NOT NULL,
    instants int NOT NULL,
    left_out int NOT NULL DEFAULT 0,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
-- One at a time for each job.
CREATE UNIQUE INDEX backfills_running ON backfills (job_id) WHERE status = 'running';
CREATE INDEX backfills_by_job ON backfills (job_id, id);

-- Which runs are whose.
CREATE TABLE backfill_runs (
    backfill_id uuid NOT NULL REFERENCES backfills (id) ON DELETE CASCADE,
    run_id uuid NOT NULL,
    PRIMARY KEY (backfill_id, run_id)
);
