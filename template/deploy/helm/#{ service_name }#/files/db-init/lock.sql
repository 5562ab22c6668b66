-- Lets one hook at a time work in this database, for the length of its session; db-init.sh bounds the wait by lock_timeout.
-- The number, the bytes of "db-init!", is the same for all services: two of them may name the same role or database.

SELECT pg_try_advisory_lock(7233393882357658657) AS db_init_locked \gset
\if :db_init_locked
\else
\echo another hook is at work; waits for it, at most :lock_seconds s
SELECT pg_advisory_lock(7233393882357658657) AS db_init_locked \gset
\endif
