-- Database time; inside a transaction the time of its start. No table.
SELECT now()
