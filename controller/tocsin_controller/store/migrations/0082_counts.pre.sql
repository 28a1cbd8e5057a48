-- Counts over history, so that charts need not read it. Made by a background loop (`counting.py`), never by what runs jobs.

-- How the executions made in one minute stand; a minute without executions has no row.
CREATE TABLE minute_counts (
    minute timestamptz PRIMARY KEY,
    succeeded bigint NOT NULL,
    failed bigint NOT NULL,
    timed_out bigint NOT NULL,
    cancelled bigint NOT NULL,
    lost bigint NOT NULL,
    skipped bigint NOT NULL,
    -- Not ended when they were counted.
    open bigint NOT NULL,
    -- When to count this minute again, because something in it may still change; NULL: it is settled.
    recount_at timestamptz
);
CREATE INDEX minute_counts_unsettled ON minute_counts (recount_at) WHERE recount_at IS NOT NULL;

-- Settled minutes of earlier days, added up.
CREATE TABLE day_counts (
    day date PRIMARY KEY,
    succeeded bigint NOT NULL,
    failed bigint NOT NULL,
    timed_out bigint NOT NULL,
    cancelled bigint NOT NULL,
    lost bigint NOT NULL,
    skipped bigint NOT NULL
);

-- One row: the minutes before this one have been counted; NULL: none yet.
CREATE TABLE counting (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    counted_until timestamptz
);
INSERT INTO counting DEFAULT VALUES;

-- What jobs are, countable from an index alone.
ALTER TABLE jobs ADD COLUMN task_type text GENERATED ALWAYS AS (definition -> 'task' ->> 'type') STORED;
ALTER TABLE jobs ADD COLUMN schedule_type text GENERATED ALWAYS AS (definition -> 'schedule' ->> 'type') STORED;
CREATE INDEX jobs_by_type ON jobs (task_type, schedule_type);
