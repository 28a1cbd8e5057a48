-- Only one transaction at a time changes settings; readers are not kept waiting.
LOCK TABLE settings IN SHARE ROW EXCLUSIVE MODE
