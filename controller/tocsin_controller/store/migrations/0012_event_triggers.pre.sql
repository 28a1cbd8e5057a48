-- Jobs that events start. Whoever writes an event looks here whether somebody cares.
CREATE TABLE event_triggers (
    job_id uuid PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    -- For LIKE.
    kind_like text NOT NULL,
    -- NULL: any.
    severity text
);

-- How many runs one event has brought about, directly and through the events of those runs: a loop that branches
-- would otherwise grow without bounds before any of its branches is stopped.
CREATE TABLE event_chains (
    root_id uuid PRIMARY KEY,
    runs int NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now()
);
