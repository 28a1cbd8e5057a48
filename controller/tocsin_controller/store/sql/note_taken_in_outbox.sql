-- Who has taken their part of what an entry asks for, besides those of whom it is known. Index: primary key.
UPDATE outbox SET payload = jsonb_set(payload, '{taken}', (payload -> 'taken') || $2::jsonb) WHERE id = $1
