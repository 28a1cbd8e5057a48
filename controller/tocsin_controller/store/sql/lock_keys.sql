-- Until the transaction ends nobody else gives away places on these keys. In one order, so that nobody waits in a
-- circle. Index: none (advisory locks).
SELECT pg_advisory_xact_lock(hash)
FROM (SELECT DISTINCT hashtextextended(key, 0) AS hash FROM unnest($1::text[]) AS k (key) ORDER BY hash) AS hashes
