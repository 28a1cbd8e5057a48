-- Seconds until the ticker has something to do, or NULL. Indexes: timers_due, queue_delayed (one entry each).
SELECT extract(epoch FROM least(
    (SELECT min(next_fire_at) FROM timers),
    (SELECT min(ready_at) FROM queue WHERE ready_at IS NOT NULL)
) - clock_timestamp())::float8
