-- A calendar goes; one that jobs refer to violates a foreign key. Index: primary key, job_calendars_by_calendar.
DELETE FROM calendars WHERE name = $1
