-- These runs hold everything that they need. Index: primary key.
UPDATE places SET held_at = now() WHERE run_id = ANY($1::uuid[])
