-- What people said a third-party agent can do. Index: primary key.
UPDATE agents SET custom_task_types = $2 WHERE id = $1 RETURNING id
