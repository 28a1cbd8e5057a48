-- Jobs that wait for jobs, and what ties their runs together.

-- The dependencies of the current definitions, for look-ups from both ends; always changed together with them.
CREATE TABLE job_dependencies (
    parent_id uuid NOT NULL,
    job_id uuid NOT NULL,
    within_secs int,
    condition text NOT NULL CHECK (condition IN ('success', 'failure', 'always')),
    PRIMARY KEY (parent_id, job_id)
);
CREATE INDEX job_dependencies_by_job ON job_dependencies (job_id);

-- One cascade: what a run of a job with dependents sets off, or a pipeline schedule. Begun by one run it has its id.
CREATE TABLE pipeline_runs (
    id uuid PRIMARY KEY,
    group_name text NOT NULL,
    trigger jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'succeeded', 'failed', 'cancelled', 'incomplete')),
    -- The status that an event has told last.
    told text,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX pipeline_runs_by_group ON pipeline_runs (group_name, id);

-- The jobs that belong to it, as the dependencies were when it began, each with its newest run in it.
CREATE TABLE pipeline_steps (
    pipeline_run_id uuid NOT NULL,
    job_id uuid NOT NULL,
    run_id uuid,
    -- Which runs of the jobs it waits for it was started for.
    cause uuid,
    starts int NOT NULL DEFAULT 0,
    -- Its run has not ended, or what follows from its end has not all been started.
    is_open boolean NOT NULL DEFAULT false,
    PRIMARY KEY (pipeline_run_id, job_id)
);
CREATE UNIQUE INDEX pipeline_steps_by_run ON pipeline_steps (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX pipeline_steps_open ON pipeline_steps (pipeline_run_id) WHERE is_open;

CREATE TABLE pipeline_edges (
    pipeline_run_id uuid NOT NULL,
    parent_id uuid NOT NULL,
    job_id uuid NOT NULL,
    within_secs int,
    condition text NOT NULL,
    PRIMARY KEY (pipeline_run_id, parent_id, job_id)
);
CREATE INDEX pipeline_edges_by_job ON pipeline_edges (pipeline_run_id, job_id);

-- Starts of jobs that wait for jobs of several cascades: one for each completed set, whichever completed it.
CREATE TABLE cascade_starts (
    job_id uuid NOT NULL,
    cause uuid NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, cause)
);
CREATE INDEX cascade_starts_by_age ON cascade_starts (started_at);
