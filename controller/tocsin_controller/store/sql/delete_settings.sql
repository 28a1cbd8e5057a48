-- These keys have the configuration's values again. Index: primary key.
DELETE FROM settings WHERE key = ANY($1::text[])
