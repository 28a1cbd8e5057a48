-- The first schema. Every id is a UUIDv7 made by a controller, so the big tables are partitioned by range of id:
-- that is partitioning by time, and a look-up by id alone still touches one partition.

-- Jobs: the definition people wrote. Cold; the hot part of scheduling is `timers`.
CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    group_name text NOT NULL,
    status text NOT NULL CHECK (status IN ('scheduled', 'paused', 'unscheduled')),
    version int NOT NULL CHECK (version >= 1),
    definition jsonb NOT NULL,
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT jobs_name_unique UNIQUE (name)
);
CREATE INDEX jobs_by_group ON jobs (group_name, name);

-- Every saved change of a definition. Runs point here, so history stays true after edits and deletion.
CREATE TABLE job_versions (
    job_id uuid NOT NULL,
    version int NOT NULL,
    definition jsonb NOT NULL,
    changed_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, version)
);

-- One narrow row per job that will fire again: what the ticker scans and moves.
CREATE TABLE timers (
    job_id uuid PRIMARY KEY,
    job_version int NOT NULL,
    priority smallint NOT NULL,
    next_fire_at timestamptz NOT NULL,
    -- Intervals are counted from here.
    anchor timestamptz NOT NULL
) WITH (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX timers_due ON timers (next_fire_at);

-- Runs: one row per due instant (guarantee G1: the id of a scheduled run is a function of job and instant,
-- so the primary key is the uniqueness of (job_id, scheduled_for)), or per trigger.
CREATE TABLE runs (
    id uuid NOT NULL,
    job_id uuid NOT NULL,
    job_version int NOT NULL,
    status text NOT NULL CHECK (status IN
        ('pending', 'running', 'succeeded', 'failed', 'timed_out', 'cancelled', 'lost', 'skipped')),
    reason text,
    message text,
    trigger jsonb NOT NULL,
    params jsonb,
    scheduled_for timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    -- Executions that have not ended, and how the ended ones (last attempts only) ended.
    open_executions int NOT NULL,
    succeeded int NOT NULL DEFAULT 0,
    failed int NOT NULL DEFAULT 0,
    timed_out int NOT NULL DEFAULT 0,
    cancelled int NOT NULL DEFAULT 0,
    lost int NOT NULL DEFAULT 0,
    -- Agents that an `all` run should have reached and did not: [{agent_id, name, why}].
    not_reached jsonb,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX runs_by_job ON runs (job_id, id);
CREATE INDEX runs_not_succeeded ON runs (status, id) WHERE status <> 'succeeded';
-- Open runs of a job (`max_concurrent`, deletion): small, entries die when the run ends.
CREATE INDEX runs_open ON runs (job_id) WHERE finished_at IS NULL;
CREATE TABLE runs_default PARTITION OF runs DEFAULT;

-- Executions: one attempt of a run on one agent.
CREATE TABLE executions (
    id uuid NOT NULL,
    run_id uuid NOT NULL,
    job_id uuid NOT NULL,
    job_version int NOT NULL,
    status text NOT NULL CHECK (status IN
        ('pending_approval', 'pending', 'running', 'succeeded', 'failed', 'timed_out', 'cancelled', 'lost', 'skipped')),
    reason text,
    message text,
    agent_id uuid,
    -- The newest fence whose holder may still write here once the lease is gone (G4, G6).
    fence bigint NOT NULL DEFAULT 0,
    attempt_number int NOT NULL DEFAULT 1,
    retry_of uuid,
    exit_code int,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    cancel_requested_at timestamptz,
    stdout_bytes bigint NOT NULL DEFAULT 0,
    stderr_bytes bigint NOT NULL DEFAULT 0,
    stdout_truncated boolean NOT NULL DEFAULT false,
    stderr_truncated boolean NOT NULL DEFAULT false,
    cpu_secs double precision,
    peak_memory_bytes bigint,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX executions_by_run ON executions (run_id, id);
CREATE INDEX executions_by_job ON executions (job_id, id);
CREATE INDEX executions_not_succeeded ON executions (status, id) WHERE status <> 'succeeded';
CREATE TABLE executions_default PARTITION OF executions DEFAULT;

-- What executions printed. `seq` keeps the order between the two streams.
CREATE TABLE execution_output (
    execution_id uuid NOT NULL,
    stream smallint NOT NULL CHECK (stream IN (1, 2)),
    start_offset bigint NOT NULL CHECK (start_offset >= 0),
    seq int NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (execution_id, stream, start_offset)
) PARTITION BY RANGE (execution_id);
CREATE TABLE execution_output_default PARTITION OF execution_output DEFAULT;

-- Executions that wait for an agent. Small and hot: claiming deletes the row.
CREATE TABLE queue (
    execution_id uuid PRIMARY KEY,
    -- First come, first served by the database's own count, whatever the controllers' clocks say. Claims go in this
    -- order and not by execution_id, or the planner may walk the primary key and filter.
    position bigint GENERATED ALWAYS AS IDENTITY,
    -- Who may take it: see targeting.py.
    route text NOT NULL,
    priority smallint NOT NULL,
    -- NULL: may be taken now. Otherwise a retry that waits for its time.
    ready_at timestamptz,
    -- Fails with reason `no_agent` when nobody took it by then.
    expires_at timestamptz NOT NULL,
    run_id uuid NOT NULL,
    job_id uuid NOT NULL,
    job_version int NOT NULL,
    attempt_number int NOT NULL,
    fence bigint NOT NULL DEFAULT 0,
    scheduled_for timestamptz
) WITH (
    fillfactor = 85, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX queue_lanes ON queue (route, priority, position) WHERE ready_at IS NULL;
CREATE INDEX queue_delayed ON queue (ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX queue_expiry ON queue (expires_at);

-- The right of one agent to run one execution, from hand-out to end.
CREATE TABLE leases (
    execution_id uuid PRIMARY KEY,
    agent_id uuid NOT NULL,
    fence bigint NOT NULL,
    -- Which answer carried it; NULL for simple agents, for which handing out counts as started.
    incarnation uuid,
    seq bigint,
    run_id uuid NOT NULL,
    job_id uuid NOT NULL,
    job_version int NOT NULL,
    attempt_number int NOT NULL,
    scheduled_for timestamptz,
    handed_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    started boolean NOT NULL DEFAULT false,
    cancel_requested_at timestamptz
) WITH (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX leases_by_agent ON leases (agent_id);

CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('admin', 'operator', 'viewer', 'agent')),
    key_prefix text NOT NULL,
    -- SHA-256 of the key; the key itself is shown once and kept nowhere.
    key_hash bytea NOT NULL UNIQUE,
    -- Set on the credential of one agent: it speaks for that agent and for nobody else.
    agent_id uuid,
    active boolean NOT NULL DEFAULT true,
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz
);

CREATE TABLE agents (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    -- `standard` (ours), `custom` (third-party) or `local` (inside a controller).
    agent_type text NOT NULL CHECK (agent_type IN ('standard', 'custom', 'local')),
    status text NOT NULL CHECK (status IN ('online', 'offline', 'draining')),
    tags text[] NOT NULL DEFAULT '{}',
    -- What it says it can run; for custom agents see custom_task_types.
    task_types text[] NOT NULL DEFAULT '{}',
    custom_task_types jsonb NOT NULL DEFAULT '[]',
    hostname text NOT NULL DEFAULT '',
    address text NOT NULL DEFAULT '',
    port int NOT NULL DEFAULT 0,
    capacity int NOT NULL DEFAULT 1,
    version text,
    protocol int,
    incarnation uuid,
    -- The key that speaks for this agent: the one it registered with, or its own credential.
    key_id uuid,
    system_info jsonb,
    load jsonb,
    spool jsonb,
    registered_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    lease_expires_at timestamptz NOT NULL,
    CONSTRAINT agents_name_unique UNIQUE (name)
) WITH (fillfactor = 50);

CREATE TABLE events (
    id uuid NOT NULL,
    kind text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('info', 'success', 'warning', 'error')),
    message text NOT NULL,
    job_id uuid,
    run_id uuid,
    execution_id uuid,
    agent_id uuid,
    api_key_id uuid,
    api_key_name text,
    details text,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE TABLE events_default PARTITION OF events DEFAULT;

-- Answers to user POSTs that carried an Idempotency-Key (G5).
CREATE TABLE idempotency_keys (
    principal text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    response jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
