-- A new epoch begins: every fence from now on is higher than all before. State directories lose their marks, because
-- the last ones may be in the part that was lost. Whole tables: by hand only.
WITH unmarked AS (
    UPDATE agents SET state_mark = NULL, cloned_mark = NULL
    WHERE state_mark IS NOT NULL OR cloned_mark IS NOT NULL
    RETURNING id
)
UPDATE cluster SET epoch = greatest(epoch, $1::bigint) + 1 RETURNING epoch, (SELECT count(*) FROM unmarked) AS unmarked
