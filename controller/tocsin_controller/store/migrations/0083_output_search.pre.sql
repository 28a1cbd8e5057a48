-- Full text search over what executions printed. Filled by a background loop (`indexing.py`) after executions have ended,
-- never by what runs jobs; partitioned by day, so it goes with its history.

CREATE TABLE output_search (
    -- Of the execution.
    id uuid NOT NULL,
    words tsvector NOT NULL,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX output_search_words ON output_search USING gin (words);
CREATE TABLE output_search_default PARTITION OF output_search DEFAULT;

-- Executions that the loop has come past and that had not ended.
CREATE TABLE unindexed (
    execution_id uuid PRIMARY KEY,
    look_at timestamptz NOT NULL
);
CREATE INDEX unindexed_due ON unindexed (look_at);

-- One row: executions with ids before this one have been looked at. What is older than this table is not findable.
CREATE TABLE indexing (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    indexed_until uuid NOT NULL
);
INSERT INTO indexing (indexed_until)
SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;
