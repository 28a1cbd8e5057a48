-- Jobs with work that the lost part of the database may have handed out. Index: queue_uncertain.
SELECT DISTINCT job_id, job_version FROM queue WHERE uncertain_since IS NOT NULL
