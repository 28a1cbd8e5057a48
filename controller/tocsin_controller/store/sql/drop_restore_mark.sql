-- The restore is finished. Index: none.
DROP TABLE unfinished_restore
