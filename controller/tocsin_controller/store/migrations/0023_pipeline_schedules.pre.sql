-- When the roots of a group start by themselves.
CREATE TABLE pipeline_schedules (
    group_name text PRIMARY KEY,
    schedule jsonb NOT NULL,
    -- Made anew with every change: what the outbox holds for an earlier one does nothing.
    generation uuid NOT NULL UNIQUE,
    -- Intervals are counted from here.
    anchor timestamptz NOT NULL,
    -- For people; what acts is an entry of the outbox that is due then.
    next_fire_at timestamptz,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now()
);
