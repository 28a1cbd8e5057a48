-- The epoch that fences begin with now. Whole table: one row.
SELECT epoch FROM cluster
