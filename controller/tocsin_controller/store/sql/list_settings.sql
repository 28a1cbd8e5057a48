-- All settings: a handful.
-- Index: primary key.
SELECT key, value, sealed FROM settings ORDER BY key
