-- What the rules took from an execution's output. Index: primary key.
UPDATE executions SET extracted = $2 WHERE id = $1
