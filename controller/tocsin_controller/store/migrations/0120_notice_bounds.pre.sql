-- How many notifications were sent, and held back, in the current hour: about a job, about the fleet (a small number as
-- UUID), or about anything at all (the nil UUID).
CREATE TABLE notice_bounds (
    about uuid PRIMARY KEY,
    began_at timestamptz NOT NULL DEFAULT now(),
    told int NOT NULL DEFAULT 0,
    held_back int NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
