-- Whether a restore has begun here and did not finish. The catalogue only.
SELECT to_regclass('unfinished_restore') IS NOT NULL
