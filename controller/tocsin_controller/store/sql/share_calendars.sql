-- These calendars, which nobody deletes until the transaction ends. Index: primary key.
SELECT name, definition, updated_at FROM calendars WHERE name = ANY($1::text[]) ORDER BY name FOR KEY SHARE
