-- These calendars, as they are now. Index: primary key.
SELECT name, definition, updated_at FROM calendars WHERE name = ANY($1::text[])
