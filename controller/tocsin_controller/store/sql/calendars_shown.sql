-- Calendars by name with jobs that refer to them (a hundred each at most); one when $1 names it.
-- Indexes: primary key, job_calendars_by_calendar.
SELECT c.name, c.definition, c.created_by, c.updated_by, c.created_at, c.updated_at, array(
    SELECT j.name
    FROM job_calendars AS u JOIN jobs AS j ON j.id = u.job_id
    WHERE u.calendar = c.name
    ORDER BY u.job_id
    LIMIT 100
) AS jobs
FROM calendars AS c
WHERE $1::text IS NULL OR c.name = $1
ORDER BY c.name
LIMIT 1000
