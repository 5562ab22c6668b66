-- The administrator's part in APP_DATABASE: revokes the schema public from PUBLIC, and creates the table that records the files.
-- It belongs to the owner of the database, so that ADMIN_USER can trust it. Run by db-init.sh; everything can be repeated.

\getenv app_user APP_USER
\ir lock.sql

BEGIN;
-- APP_USER may create objects in public only if it has tables there already.
SELECT format(statement, :'app_user')
FROM pg_namespace CROSS JOIN unnest(ARRAY[
    'REVOKE ALL ON SCHEMA public FROM PUBLIC',
    'GRANT USAGE ON SCHEMA public TO %I',
    CASE WHEN EXISTS (
        SELECT FROM pg_class WHERE relnamespace = pg_namespace.oid AND pg_get_userbyid(relowner) = :'app_user'
    ) THEN 'GRANT CREATE ON SCHEMA public TO %I' END
]) AS statement
WHERE nspname = 'public' \gexec

CREATE SCHEMA IF NOT EXISTS schema_migrations;
ALTER SCHEMA schema_migrations OWNER TO pg_database_owner;
CREATE TABLE IF NOT EXISTS schema_migrations.:"app_user" (
    file text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE schema_migrations.:"app_user" OWNER TO pg_database_owner;
GRANT USAGE ON SCHEMA schema_migrations TO :"app_user";
GRANT SELECT, INSERT ON schema_migrations.:"app_user" TO :"app_user";
COMMIT;
