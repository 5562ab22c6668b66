-- The administrator's part in APP_DATABASE: APP_USER may work in the schema public, and nobody else. Run by db-init.sh.

\getenv app_user APP_USER
\ir lock.sql

-- A name may hold a newline, which would begin a line of the log.
SELECT 'refused: ' || replace(reason, E'\n', '?') FROM (
    SELECT format('schema public of this database belongs to "%s"; a superuser runs, in this database: '
        'ALTER SCHEMA public OWNER TO pg_database_owner', pg_get_userbyid(nspowner))
    FROM pg_namespace WHERE nspname = 'public' AND NOT pg_has_role(nspowner, 'USAGE')
    UNION ALL
    -- A migration would find the table there, and the service would have no right on it.
    SELECT format('%s belongs to "%s" and has to belong to "%s"; a superuser runs, in this database: '
        'ALTER %s %s OWNER TO %I', oid::regclass, pg_get_userbyid(relowner), :'app_user',
        CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
        oid::regclass, :'app_user')
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        AND pg_get_userbyid(relowner) <> :'app_user'
        AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
) AS refusal (reason) LIMIT 1;
\if :ROW_COUNT
\quit
\endif

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO :"app_user";
