-- Seconds until the next timer is due and until the next retry is, each NULL when there is none.
-- Indexes: timers_due, queue_delayed (one entry each).
SELECT extract(epoch FROM (SELECT min(next_fire_at) FROM timers) - clock_timestamp())::float8 AS timer_secs,
       extract(epoch FROM (SELECT min(ready_at) FROM queue WHERE ready_at < 'infinity') - clock_timestamp())::float8
           AS retry_secs
