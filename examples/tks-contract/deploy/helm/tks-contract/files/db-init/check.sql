-- Checks role and database, and prints a line "refused: ..." for each problem. Run by ADMIN_USER in ADMIN_DATABASE; read-only.
-- Prints "database:" if APP_DATABASE exists, so that it can be checked, too.

-- A pooler drops the settings of db-init.sh, search_path among them, so this check comes before all that needs them.
SELECT pg_catalog.current_setting('client_connection_check_interval') OPERATOR(pg_catalog.=) '5s' AS direct \gset
\if :direct
\else
\echo refused: a pooler answers instead of PostgreSQL; set dbInit.host of the chart, which is PGHOST here, to the primary server
\quit
\endif

\getenv app_user APP_USER
\getenv app_database APP_DATABASE
\ir lock.sql

WITH me AS (
    SELECT * FROM pg_roles WHERE rolname = current_user
), app AS (
    SELECT * FROM pg_roles WHERE rolname = :'app_user'
), database AS (
    SELECT pg_database.*, rolname AS owner FROM pg_database JOIN pg_roles ON pg_roles.oid = datdba
    WHERE datname = :'app_database'
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
    -- An owner may drop the database and change its settings.
    SELECT format('database "%s" belongs to "%s" and has to belong to "%s"; a superuser runs: '
        'ALTER DATABASE %I OWNER TO %I', datname, owner, me.rolname, datname, me.rolname)
    FROM me, database WHERE NOT pg_has_role(datdba, 'USAGE') OR owner = :'app_user'
    UNION ALL
    SELECT format('ADMIN_USER "%s" may not connect to database "%s", which is checked once it may; a superuser runs: '
        'GRANT CONNECT ON DATABASE %I TO %I', me.rolname, datname, datname, me.rolname)
    FROM me, database WHERE NOT has_database_privilege(database.oid, 'CONNECT')
) AS refusal (reason);

SELECT 'database:' FROM pg_database WHERE datname = :'app_database' AND has_database_privilege(oid, 'CONNECT');
