-- All settings: a handful.
-- Index: primary key.
SELECT key, value FROM settings ORDER BY key
