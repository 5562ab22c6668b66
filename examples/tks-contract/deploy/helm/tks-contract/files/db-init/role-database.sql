-- The administrator's part in ADMIN_DATABASE: role, password, database. Run by db-init.sh; everything bears a repetition.

\getenv app_user APP_USER
\getenv app_database APP_DATABASE
\ir lock.sql

WITH me AS (
    SELECT * FROM pg_roles WHERE rolname = current_user
), app AS (
    SELECT * FROM pg_roles WHERE rolname = :'app_user'
)
-- A name may hold a newline, which would begin a line of the log.
SELECT 'refused: ' || replace(reason, E'\n', '?') FROM (
    SELECT format('PostgreSQL %s is too old; version 15 or newer is needed', current_setting('server_version'))
    WHERE current_setting('server_version_num')::int < 150000
    UNION ALL
    SELECT 'this server is a standby, which is read-only; PGHOST has to name the primary'
    WHERE pg_is_in_recovery()
    UNION ALL
    SELECT format('ADMIN_USER "%s" needs CREATEROLE and CREATEDB; a superuser runs: '
        'ALTER ROLE %I CREATEROLE CREATEDB', rolname, rolname)
    FROM me WHERE NOT rolsuper AND NOT (rolcreaterole AND rolcreatedb)
    UNION ALL
    SELECT format('role "%s" has rights that only a superuser can take back, who runs: '
        'ALTER ROLE %I NOSUPERUSER NOREPLICATION NOBYPASSRLS', app.rolname, app.rolname)
    FROM app, me WHERE NOT me.rolsuper AND (app.rolsuper OR app.rolreplication OR app.rolbypassrls)
    UNION ALL
    -- Since PostgreSQL 16, CREATEROLE gives no right on the roles of others.
    SELECT format('role "%s" was made by another administrator; a superuser runs: '
        'GRANT %I TO %I WITH ADMIN OPTION', app.rolname, app.rolname, me.rolname)
    FROM app, me
    WHERE NOT me.rolsuper AND current_setting('server_version_num')::int >= 160000
        AND NOT pg_has_role(app.oid, 'MEMBER WITH ADMIN OPTION')
    UNION ALL
    SELECT format('role "%s" has the rights of role "%s" too; a superuser runs: '
        'REVOKE %I FROM %I', app.rolname, other.rolname, other.rolname, app.rolname)
    FROM app
    JOIN pg_auth_members ON member = app.oid
    JOIN pg_roles AS other ON other.oid = roleid
    UNION ALL
    SELECT format('database "%s" belongs to "%s" and has to belong to "%s"; a superuser runs: '
        'ALTER DATABASE %I OWNER TO %I', datname, owner.rolname, me.rolname, datname, me.rolname)
    FROM me, pg_database JOIN pg_roles AS owner ON owner.oid = datdba
    WHERE datname = :'app_database' AND NOT pg_has_role(datdba, 'USAGE')
) AS refusal (reason) LIMIT 1;
\if :ROW_COUNT
\quit
\endif

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
SELECT pg_get_userbyid(datdba) = :'app_user' AS owned_by_app FROM pg_database WHERE datname = :'app_database' \gset
\if :owned_by_app
-- An owner may drop the database and change its settings.
ALTER DATABASE :"app_database" OWNER TO CURRENT_USER;
SELECT format('database "%s": now belongs to "%s"', :'app_database', current_user);
\endif
\else
CREATE DATABASE :"app_database" TEMPLATE template0 ENCODING 'UTF8';
SELECT format('database "%s": created', :'app_database');
\endif

REVOKE ALL ON DATABASE :"app_database" FROM PUBLIC;
GRANT CONNECT, CREATE, TEMPORARY ON DATABASE :"app_database" TO :"app_user";
