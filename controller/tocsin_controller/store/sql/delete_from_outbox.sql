-- These are done, in the transaction that did them. Index: primary key.
DELETE FROM outbox WHERE id = ANY($1::uuid[])
