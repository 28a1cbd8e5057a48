-- Results of jobs with output rules, from their receipt until they are judged: what an agent reported is kept before it
-- is told so, and the execution ends only when its rules have been applied. Usually empty.
CREATE TABLE unjudged_results (
    execution_id uuid PRIMARY KEY,
    run_id uuid NOT NULL,
    job_id uuid NOT NULL,
    job_version int NOT NULL,
    attempt_number int NOT NULL,
    scheduled_for timestamptz,
    agent_id uuid NOT NULL,
    fence bigint NOT NULL,
    started_at timestamptz,
    finished_at timestamptz NOT NULL,
    -- The rest of what was reported: status, reason, lengths, ...
    result jsonb NOT NULL,
    -- The execution had been declared lost.
    is_late boolean NOT NULL,
    is_cancel_requested boolean NOT NULL,
    -- Some controller judges it; if it is still here then, another does.
    claimed_until timestamptz NOT NULL DEFAULT now(),
    -- How often it was claimed; whoever claimed it last may end it.
    claims int NOT NULL DEFAULT 0
) WITH (
    fillfactor = 85, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX unjudged_results_due ON unjudged_results (claimed_until);

-- What output rules took from the output: {name: value}.
ALTER TABLE executions ADD COLUMN extracted jsonb;
