-- Pipeline runs that are too old to keep go, with all that belongs to them, but for those that go on; so do starts that no
-- late result can ask for again. Indexes: primary keys, cascade_starts_by_age.
WITH old AS (
    DELETE FROM pipeline_runs WHERE id < $1 AND status <> 'running' RETURNING id
), steps AS (
    DELETE FROM pipeline_steps AS s USING old WHERE s.pipeline_run_id = old.id
), edges AS (
    DELETE FROM pipeline_edges AS e USING old WHERE e.pipeline_run_id = old.id
)
DELETE FROM cascade_starts WHERE started_at < now() - interval '31 days'
