-- Minutes before this one have been counted. One row.
UPDATE counting SET counted_until = $1
