-- How the executions of a job up to one of them ended, added up once: what Dkron's clients ask of every job in each list.
CREATE TABLE dkron_counts (
    job_id uuid PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    upto uuid NOT NULL,
    succeeded bigint NOT NULL,
    failed bigint NOT NULL,
    last_success timestamptz,
    last_error timestamptz
);
