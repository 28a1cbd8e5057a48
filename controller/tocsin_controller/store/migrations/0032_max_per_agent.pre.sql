-- How many executions of a job one agent may have at once.

-- It was found to be within `max_per_agent` of its job; those of other jobs are never looked at.
ALTER TABLE leases ADD COLUMN is_counted boolean NOT NULL DEFAULT false;

-- Set on what was put back because an agent had enough of the job: it comes back as soon as one of those ends.
ALTER TABLE queue ADD COLUMN limited_job uuid;
CREATE INDEX queue_limited ON queue (limited_job, route, position) WHERE limited_job IS NOT NULL;
