-- Removes counts of days before $1, whose history is gone. Index: primary keys.
WITH minutes AS (DELETE FROM minute_counts WHERE minute < $1::date::timestamp AT TIME ZONE 'UTC')
DELETE FROM day_counts WHERE day < $1::date
