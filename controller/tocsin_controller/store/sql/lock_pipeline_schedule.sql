-- The schedule that an entry of the outbox was written for, if it still stands; nobody changes it until the transaction
-- ends. Index: pipeline_schedules_generation_key.
SELECT group_name, schedule, timezone, dst, anchor FROM pipeline_schedules WHERE generation = $1 FOR UPDATE
