-- The administrator's part in ADMIN_DATABASE: role, password, database. Run by db-init.sh; everything bears a repetition.

\getenv app_user APP_USER
\getenv app_database APP_DATABASE
\ir lock.sql

SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :'app_user') AS role_exists \gset
\if :role_exists
SELECT format('role "%s": already there', :'app_user');
-- Names only what differs, because some attributes may not even be named without being a superuser.
SELECT attributes, attributes <> '' AS role_differs FROM pg_roles, concat_ws(' ',
    CASE WHEN rolsuper THEN 'NOSUPERUSER' END,
    CASE WHEN rolcreatedb THEN 'NOCREATEDB' END,
    CASE WHEN rolcreaterole THEN 'NOCREATEROLE' END,
    CASE WHEN rolreplication THEN 'NOREPLICATION' END,
    CASE WHEN rolbypassrls THEN 'NOBYPASSRLS' END,
    CASE WHEN NOT rolcanlogin THEN 'LOGIN' END,
    CASE WHEN rolvaliduntil < 'infinity' THEN 'VALID UNTIL ''infinity''' END
) AS attributes
WHERE rolname = :'app_user' \gset
\if :role_differs
ALTER ROLE :"app_user" :attributes;
SELECT format('role "%s": brought back to %s', :'app_user', :'attributes');
\endif
\else
CREATE ROLE :"app_user" LOGIN;
SELECT format('role "%s": created', :'app_user');
\endif

\password :"app_user"
SELECT format('role "%s": password set', :'app_user');

SELECT EXISTS (SELECT FROM pg_database WHERE datname = :'app_database') AS database_exists \gset
\if :database_exists
SELECT format('database "%s": already there', :'app_database');
\else
CREATE DATABASE :"app_database" TEMPLATE template0 ENCODING 'UTF8';
SELECT format('database "%s": created', :'app_database');
\endif

REVOKE ALL ON DATABASE :"app_database" FROM PUBLIC;
GRANT CONNECT, CREATE, TEMPORARY ON DATABASE :"app_database" TO :"app_user";
