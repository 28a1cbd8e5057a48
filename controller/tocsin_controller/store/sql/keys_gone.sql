-- Which of these remembered keys no longer work. Index: primary key.
SELECT w.id
FROM unnest($1::uuid[]) AS w (id)
LEFT JOIN api_keys AS k ON k.id = w.id
WHERE k.active IS NOT TRUE
