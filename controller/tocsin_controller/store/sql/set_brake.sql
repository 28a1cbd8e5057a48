-- What a sweep decided. Whole table: one row, locked by lock_brake.
UPDATE brake SET swept_at = now(), resumed_at = $1, held_until = $2, held_since = $3, why = $4
