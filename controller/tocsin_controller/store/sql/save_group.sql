-- A group that stays when no job is in it. Returns nothing when it was there. Index: primary key.
INSERT INTO job_groups (name) VALUES ($1) ON CONFLICT (name) DO NOTHING RETURNING name
