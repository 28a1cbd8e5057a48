-- What came of trials, by the word of the agent ($1) that was told to. The first answer stays. Index: primary key.
UPDATE connection_trials AS t SET success = said.success, message = said.message
FROM unnest($2::uuid[], $3::boolean[], $4::text[]) AS said (id, success, message)
WHERE t.id = said.id AND t.agent_id = $1 AND t.told_at IS NOT NULL AND t.success IS NULL
