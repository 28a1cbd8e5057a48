-- Events start the job no more. Index: primary key.
DELETE FROM event_triggers WHERE job_id = $1
