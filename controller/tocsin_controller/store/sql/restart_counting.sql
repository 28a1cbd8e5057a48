-- Nothing has been counted. One row.
UPDATE counting SET counted_until = NULL
