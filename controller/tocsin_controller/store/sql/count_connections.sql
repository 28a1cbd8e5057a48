-- How many connections there are: a bounded number. Index: none, or the primary key alone.
SELECT count(*) FROM connections
