-- What was decided about a run, by whom and why. Index: primary key.
UPDATE runs
SET approval = approval || jsonb_build_object('status', $2::text, 'by', $3::text, 'note', $4::text, 'decided_at', now())
WHERE id = $1
