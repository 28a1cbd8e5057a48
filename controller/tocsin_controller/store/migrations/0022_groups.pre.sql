-- Groups that somebody made: they stay when no job is in them.
CREATE TABLE job_groups (
    name text PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);
