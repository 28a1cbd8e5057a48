-- Chains that are over: one that goes on for days is stopped by its length. Index: none, the table is small.
DELETE FROM event_chains WHERE started_at < now() - interval '2 days'
