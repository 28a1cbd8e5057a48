-- What was set aside is listed for people, however long the outbox is.
CREATE INDEX outbox_aside ON outbox (set_aside_at DESC, id) WHERE set_aside_at IS NOT NULL;
