-- Why a job is paused: {note, until, by, at}; NULL when it is not, or when only its status says so.
ALTER TABLE jobs ADD COLUMN pause jsonb;
