-- Whether there is such a run. Index: primary key.
SELECT true FROM runs WHERE id = $1
