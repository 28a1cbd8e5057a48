-- The jobs that a cascade starts; they can't be deleted until the transaction ends. In one order. Index: primary key.
SELECT id, version, status, definition FROM jobs WHERE id = ANY($1::uuid[]) ORDER BY id FOR KEY SHARE
