-- Connections that agents are asked to try: one row for the minute that it takes, deleted by who asked, or by the next
-- question once it has expired. Which connection, never what stands in it.
CREATE TABLE connection_trials (
    id uuid PRIMARY KEY,
    agent_id uuid NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    connection text NOT NULL,
    expires_at timestamptz NOT NULL,
    -- When the agent was told; NULL until then.
    told_at timestamptz,
    -- What came of it; NULL until the agent has said so.
    success boolean,
    message text
);
CREATE INDEX connection_trials_by_agent ON connection_trials (agent_id, id);
