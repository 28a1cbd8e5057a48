-- Connections by name after $1, with $2 found literally in the name, each with jobs that name it (a hundred at most); one
-- when $4 names it. Indexes: primary key, in order; job_connections_by_connection.
SELECT c.name, c.conn_type, c.description, c.sealed, c.created_at, c.updated_at, array(
    SELECT j.name
    FROM job_connections AS u JOIN jobs AS j ON j.id = u.job_id
    WHERE u.connection = c.name
    ORDER BY u.job_id
    LIMIT 100
) AS jobs
FROM connections AS c
WHERE c.name > $1 COLLATE "C" AND ($2::text IS NULL OR strpos(lower(c.name), lower($2)) > 0)
    AND ($4::text IS NULL OR c.name = $4)
ORDER BY c.name COLLATE "C"
LIMIT $3
