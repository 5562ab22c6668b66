-- The role's part in APP_DATABASE: applies the file MIGRATION, found in the current folder, in one transaction with its
-- record. Another hook may have applied it since compare.sql looked, but not while this one holds the lock.

\getenv db_init_file MIGRATION
\getenv db_init_all MIGRATIONS
\ir lock.sql

BEGIN;
SELECT EXISTS (SELECT FROM public.schema_migrations WHERE file = :'db_init_file') AS db_init_applied \gset
\if :db_init_applied
COMMIT;
\echo :db_init_file: applied by another hook
\quit
\endif

-- A local setting goes with its transaction, so it shows whether the file left that alone.
SELECT set_config('db_init.file', :'db_init_file', true) AS db_init_begun \gset
SET LOCAL client_min_messages = notice;
-- What the file prints may come from the database, and is not to be taken for a line of ours.
\o |sed 's/^/  /'
\i :db_init_file
\o
SELECT coalesce(current_setting('db_init.file', true), '') = :'db_init_file' AS db_init_whole \gset
\if :db_init_whole
INSERT INTO public.schema_migrations (file, checksum)
SELECT :'db_init_file', split_part(line, ' ', 2)
FROM regexp_split_to_table(:'db_init_all', '\n') AS line WHERE split_part(line, ' ', 1) = :'db_init_file';
COMMIT;
\echo :db_init_file: applied
\else
ROLLBACK;
\echo refused: :db_init_file ends its transaction itself; take COMMIT and ROLLBACK out of it. It is not recorded, what it did before them stays
\endif
