-- What waited in the queue when an epoch began: the part of the database that was lost may have handed it out.

-- Since when; NULL: certainly not handed out. Such a row has ready_at = infinity, so nobody takes it: it becomes the
-- lease of the agent that says that it has it, or its execution ends as lost.
ALTER TABLE queue ADD COLUMN uncertain_since timestamptz;
CREATE INDEX queue_uncertain ON queue (job_id, job_version) WHERE uncertain_since IS NOT NULL;
