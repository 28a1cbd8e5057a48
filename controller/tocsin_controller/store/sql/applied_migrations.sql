-- Which migrations this database has had. Whole table: small.
SELECT version, name, checksum FROM schema_migrations ORDER BY version
