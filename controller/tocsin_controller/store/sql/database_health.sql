-- Whether the database answers, and how large it is.
SELECT pg_database_size(current_database()) AS size_bytes
