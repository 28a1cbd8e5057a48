-- What repeated requests are told, written in the transaction that claimed the key. Index: primary key.
UPDATE idempotency_keys SET response = $3 WHERE principal = $1 AND key = $2
