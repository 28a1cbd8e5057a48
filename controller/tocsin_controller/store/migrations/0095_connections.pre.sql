-- Connections: how to reach other people's servers. The whole configuration is ciphertext, not only its secrets.

-- Read by name; at most 1,000 rows.
CREATE TABLE connections (
    name text PRIMARY KEY,
    conn_type text NOT NULL,
    description text,
    sealed bytea NOT NULL,
    key_id bytea NOT NULL,
    created_by text,
    updated_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX connections_by_key ON connections (key_id);

-- Which job's task names which connection: written with the job. No foreign key to the connection: one whose key is lost
-- goes, or one that somebody deletes by force, and the jobs that name it stay.
CREATE TABLE job_connections (
    job_id uuid PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    connection text NOT NULL
);
CREATE INDEX job_connections_by_connection ON job_connections (connection, job_id);
