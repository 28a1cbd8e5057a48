-- Whether any key works. Stops at the first; agents' own credentials alone would let nobody in.
SELECT EXISTS (
    SELECT FROM api_keys WHERE active AND agent_id IS NULL AND (expires_at IS NULL OR expires_at > now())
)
