-- Of an execution that waits for a place: it may not be taken before this instant either (jitter, blackout).
ALTER TABLE queue ADD COLUMN not_before timestamptz;
