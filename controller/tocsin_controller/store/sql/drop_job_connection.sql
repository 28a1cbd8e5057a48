-- A job's task names no connection any more. Index: primary key.
DELETE FROM job_connections WHERE job_id = $1
