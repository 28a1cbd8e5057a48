-- Where a restore notes that it has begun. No migration makes it, no backup holds it: it is there while a restore is
-- not finished, whatever that drops meanwhile. Index: none.
CREATE TABLE IF NOT EXISTS unfinished_restore (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    seen_epoch bigint NOT NULL
)
