-- Today by the database's clock (UTC).
SELECT (now() AT TIME ZONE 'UTC')::date
