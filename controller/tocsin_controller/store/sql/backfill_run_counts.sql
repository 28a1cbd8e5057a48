-- The runs of these backfills by status. Indexes: primary keys.
SELECT b.backfill_id, r.status, count(*) AS runs
FROM backfill_runs AS b JOIN runs AS r ON r.id = b.run_id
WHERE b.backfill_id = ANY($1::uuid[])
GROUP BY b.backfill_id, r.status
