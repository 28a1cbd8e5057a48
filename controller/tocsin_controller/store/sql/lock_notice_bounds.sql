-- How many notifications were sent about each lately, locked in one order; what has no row has one then.
-- Index: primary key.
INSERT INTO notice_bounds AS b (about)
SELECT DISTINCT given FROM unnest($1::uuid[]) AS u (given) ORDER BY given
ON CONFLICT (about) DO UPDATE SET told = b.told
RETURNING about, began_at, told, held_back
