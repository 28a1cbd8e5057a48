-- Ends every admin key, before a fresh one is made. Whole table: by hand only.
UPDATE api_keys SET active = false WHERE role = 'admin' AND active
