-- It could not be judged now: somebody may try again in so many seconds. Index: primary key.
UPDATE unjudged_results
SET claimed_until = now() + make_interval(secs => $3), claims = CASE WHEN $4 THEN claims ELSE claims - 1 END
WHERE execution_id = $1 AND claims = $2
