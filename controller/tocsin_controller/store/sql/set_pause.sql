-- Why the job is paused; its row is locked and its status says so. Index: primary key.
UPDATE jobs SET pause = $2, updated_at = now() WHERE id = $1
