-- These executions need not be looked at any more. Index: primary key.
DELETE FROM unindexed WHERE execution_id = ANY($1::uuid[])
