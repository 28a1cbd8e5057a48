-- How many executions agents have, counted up to $1.
SELECT count(*) FROM (SELECT FROM leases LIMIT $1) AS held
