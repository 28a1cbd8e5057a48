-- One could not be done: it is tried again later ($4 seconds from now), or set aside ($4 is NULL). Only while it stands
-- as it was seen ($2), so that one failure counts once. Returns whether it did. Index: primary key.
UPDATE outbox
SET attempts = attempts + 1, last_error = $3, due_at = coalesce(now() + make_interval(secs => $4), due_at),
    set_aside_at = CASE WHEN $4::float8 IS NULL THEN now() END
WHERE id = $1 AND attempts = $2 AND set_aside_at IS NULL
RETURNING id
