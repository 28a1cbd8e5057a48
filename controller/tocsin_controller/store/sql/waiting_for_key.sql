-- Who waits for a key, of each job the first fifty, with everything that each of them needs. Index: places_waiting,
-- primary key.
WITH first AS (
    SELECT run_id
    FROM (
        SELECT run_id, row_number() OVER (PARTITION BY job_id ORDER BY asked_at, run_id) AS place
        FROM places
        WHERE key = $1 AND held_at IS NULL
    ) AS numbered
    WHERE place <= 50
)
SELECT p.run_id, p.key, p.at_most, p.job_id, p.job_version, p.asked_at
FROM first
JOIN places AS p ON p.run_id = first.run_id
ORDER BY p.asked_at, p.run_id, p.key
