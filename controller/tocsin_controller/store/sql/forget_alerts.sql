-- The job goes, with all that is to be looked at. Index: primary keys.
WITH streak AS (
    DELETE FROM streaks WHERE job_id = $1
)
DELETE FROM watches WHERE job_id = $1
