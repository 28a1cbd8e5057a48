-- All of the transaction sees the database as it is now. Must come first in it.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ
