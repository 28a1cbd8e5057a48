-- The type of a script that a job is about to name: it is neither deleted nor given another type meanwhile.
-- Index: primary key.
SELECT script_type FROM scripts WHERE name = $1 FOR SHARE
