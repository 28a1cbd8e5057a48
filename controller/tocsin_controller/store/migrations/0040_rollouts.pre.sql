-- Runs on every host that go about it in batches.

-- How far it is, and by which rules (see workflow/rollouts/planning.py); NULL: all hosts begin at once.
ALTER TABLE runs ADD COLUMN rollout jsonb;

-- Executions that wait for their batch, or for their host to come back. All of them are in the queue too, out of
-- everybody's reach (ready_at = infinity) until they are released. Usually empty.
CREATE TABLE rollout_waits (
    execution_id uuid PRIMARY KEY,
    run_id uuid NOT NULL,
    batch int NOT NULL,
    agent_id uuid NOT NULL
);
CREATE INDEX rollout_waits_by_run ON rollout_waits (run_id, batch);
