-- Locks pipeline runs in one order; nobody else goes on with them until the transaction ends. Index: primary key.
SELECT id FROM pipeline_runs WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE
