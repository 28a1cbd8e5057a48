-- The calendars that a job refers to; its row is locked, the calendars are shared. Index: primary key.
WITH gone AS (
    DELETE FROM job_calendars WHERE job_id = $1 AND calendar <> ALL($2::text[])
)
INSERT INTO job_calendars (job_id, calendar)
SELECT $1, unnest($2::text[])
ON CONFLICT DO NOTHING
