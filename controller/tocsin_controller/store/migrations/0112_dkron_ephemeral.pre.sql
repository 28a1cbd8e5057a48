-- Jobs that Dkron's clients want gone after a success: found without a look at all the others.
CREATE INDEX jobs_ephemeral ON jobs (id) WHERE definition #>> '{compat,dkron,job,ephemeral}' = 'true';
