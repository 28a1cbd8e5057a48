-- A template goes; jobs made from it keep what they took. Index: primary key.
DELETE FROM templates WHERE name = $1
