-- Scheduled jobs that refer to a calendar, in order from after $2. Index: job_calendars_by_calendar.
SELECT u.job_id
FROM job_calendars AS u JOIN jobs AS j ON j.id = u.job_id
WHERE u.calendar = $1 AND ($2::uuid IS NULL OR u.job_id > $2) AND j.status = 'scheduled'
ORDER BY u.job_id
LIMIT $3
