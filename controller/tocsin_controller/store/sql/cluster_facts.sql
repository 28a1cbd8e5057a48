-- How many jobs there are, and how many runs are going on. Indexes: jobs_pkey, leases_pkey (a small table).
SELECT (SELECT count(*) FROM jobs) AS jobs_total, (SELECT count(DISTINCT run_id) FROM leases) AS running
