-- A part of what an entry asks for is done, and the entry says so. Index: primary key.
UPDATE outbox SET payload = $2 WHERE id = $1
