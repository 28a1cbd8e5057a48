-- Whether an entry is there as it was when somebody put it off ($2 tries). Index: primary key.
SELECT EXISTS (SELECT FROM outbox WHERE id = $1 AND attempts = $2)
