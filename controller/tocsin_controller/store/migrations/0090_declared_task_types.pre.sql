-- What a third-party agent says itself that it can do. `custom_task_types`, which people write, counts more.
ALTER TABLE agents ADD COLUMN declared_task_types jsonb NOT NULL DEFAULT '[]';
