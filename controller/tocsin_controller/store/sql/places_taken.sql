-- How many runs hold each of these keys, with the strictest of their limits, and how many wait for it.
-- Index: places_by_key.
SELECT key, count(*) FILTER (WHERE held_at IS NOT NULL) AS held, count(*) FILTER (WHERE held_at IS NULL) AS waiting,
       min(at_most) FILTER (WHERE held_at IS NOT NULL) AS strictest
FROM places
WHERE key = ANY($1::text[])
GROUP BY key
