-- Whose wall clock a group's schedule reads, and what a clock change does to it.
ALTER TABLE pipeline_schedules ADD COLUMN timezone text;
ALTER TABLE pipeline_schedules ADD COLUMN dst text NOT NULL DEFAULT 'once';
