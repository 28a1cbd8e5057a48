-- Forget a trial. Index: primary key.
DELETE FROM connection_trials WHERE id = $1
