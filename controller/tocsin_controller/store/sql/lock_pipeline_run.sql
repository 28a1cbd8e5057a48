-- One pipeline run; nobody else goes on with it until the transaction ends. Index: primary key.
SELECT id, group_name, status FROM pipeline_runs WHERE id = $1 AND group_name = $2 FOR UPDATE
