-- The role's part in APP_DATABASE: applies the file MIGRATION, found in the current folder, in one transaction with its
-- record. Another hook may have applied it since check-database.sql looked, but not while this one holds the lock.

\getenv db_init_user APP_USER
\getenv db_init_file MIGRATION
\getenv db_init_all MIGRATIONS
\ir lock.sql

BEGIN;
SELECT EXISTS (SELECT FROM schema_migrations.:"db_init_user" WHERE file = :'db_init_file') AS db_init_applied \gset
\if :db_init_applied
COMMIT;
\echo :db_init_file: applied by another hook
\quit
\endif

-- Tables are created in the schema with the role's name, unless the role has some in public from before this hook.
SELECT NOT EXISTS (
    SELECT FROM pg_class WHERE relnamespace = to_regnamespace('public') AND pg_get_userbyid(relowner) = current_user
) AS db_init_own \gset
\if :db_init_own
CREATE SCHEMA IF NOT EXISTS AUTHORIZATION CURRENT_USER;
\endif
-- Functions and types are the two kinds of objects on which PUBLIC has a right unless it is taken.
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TYPES FROM PUBLIC;

-- A local setting goes with its transaction, so it shows whether the file left that alone.
SELECT set_config('db_init.file', :'db_init_file', true) AS db_init_begun \gset
SET LOCAL client_min_messages = notice;
-- What the file prints may come from the database, and is not to be taken for a line of ours.
\o |sed 's/^/  /'
\i :db_init_file
\o
SELECT coalesce(current_setting('db_init.file', true), '') = :'db_init_file' AS db_init_whole \gset
\if :db_init_whole
INSERT INTO schema_migrations.:"db_init_user" (file, checksum)
SELECT :'db_init_file', split_part(line, ' ', 2)
FROM regexp_split_to_table(:'db_init_all', '\n') AS line WHERE split_part(line, ' ', 1) = :'db_init_file';
COMMIT;
\echo :db_init_file: applied
\else
ROLLBACK;
\echo refused: :db_init_file ends its transaction itself; take COMMIT and ROLLBACK out of it. It is not recorded, what it did before them stays
\endif
