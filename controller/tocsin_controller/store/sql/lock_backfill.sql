-- A backfill, this transaction's until it ends. Index: primary key.
SELECT * FROM backfills WHERE id = $1 FOR UPDATE
