-- Keeps a saved change for ever. Index: primary key.
INSERT INTO job_versions (job_id, version, definition, changed_by)
VALUES ($1, $2, $3, $4)
