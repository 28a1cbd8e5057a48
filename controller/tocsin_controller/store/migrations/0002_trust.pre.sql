-- What is known of the cluster as a whole, of copies of agents, and of jobs that can't be scheduled any more.

-- One row that hardly ever changes. Fences begin with the epoch; it grows when the database was restored or failed
-- over with loss, so that nothing handed out afterwards can look older than what the lost part handed out.
CREATE TABLE cluster (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    epoch bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0)
);
INSERT INTO cluster DEFAULT VALUES;

-- One row, written at every sweep of any controller. Apart from `cluster`, which hot statements read: old versions
-- of this row pile up while a long transaction keeps them from being vacuumed.
CREATE TABLE brake (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    -- When a controller last looked for silent agents; a gap means that the controllers or the database were away.
    swept_at timestamptz,
    -- The end of the last such gap: agents could not report before.
    resumed_at timestamptz,
    -- Until when nothing is declared lost, since when and why; NULL: the brake is off.
    held_until timestamptz,
    held_since timestamptz,
    why text
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 100, autovacuum_vacuum_scale_factor = 0);
INSERT INTO brake DEFAULT VALUES;

-- The mark that the agent's state directory carries since its last registration; NULL: it never had one. A copy of
-- the directory shows an older mark.
ALTER TABLE agents ADD COLUMN state_mark uuid;
-- The older mark of the copy that was told of last, so that it is told once.
ALTER TABLE agents ADD COLUMN cloned_mark uuid;

-- Why the job's schedule can't be evaluated any more; saving the job again clears it.
ALTER TABLE jobs ADD COLUMN quarantined_reason text;
