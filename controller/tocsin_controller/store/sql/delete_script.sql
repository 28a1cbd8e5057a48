-- A script goes. The caller has seen that no job runs it. Index: primary key.
DELETE FROM scripts WHERE name = $1
