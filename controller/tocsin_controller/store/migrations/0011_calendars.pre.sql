-- Named calendars: days off and blackout windows that jobs share.
CREATE TABLE calendars (
    name text PRIMARY KEY,
    definition jsonb NOT NULL,
    created_by text,
    updated_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Also tells two contents of one name apart.
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Which jobs refer to which: written with the job, so that a calendar in use can't go.
CREATE TABLE job_calendars (
    job_id uuid NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    calendar text NOT NULL REFERENCES calendars (name),
    PRIMARY KEY (job_id, calendar)
);
CREATE INDEX job_calendars_by_calendar ON job_calendars (calendar, job_id);
