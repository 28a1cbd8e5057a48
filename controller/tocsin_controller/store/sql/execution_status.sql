-- Where an execution stands. Index: primary key.
SELECT status FROM executions WHERE id = $1
