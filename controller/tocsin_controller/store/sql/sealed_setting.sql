-- One setting: as it is shown, and all of it, encrypted, if it holds secrets. Index: primary key.
SELECT value, sealed FROM settings WHERE key = $1
