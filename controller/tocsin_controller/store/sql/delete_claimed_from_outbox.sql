-- This is done, unless somebody else has taken it since ($2 tries). Index: primary key.
DELETE FROM outbox WHERE id = $1 AND attempts = $2
