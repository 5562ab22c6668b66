-- Checks schemas, tables and the history, and prints a line "refused: ..." for each problem and "pending:FILE" for each file that
-- is not applied yet. Run by ADMIN_USER in APP_DATABASE; read-only. It reads no table that APP_USER could have replaced.

\getenv app_user APP_USER
\getenv migrations MIGRATIONS
\ir lock.sql

-- The service's tables are in the schema with its role's name, which PostgreSQL searches first, or in public if it had tables
-- there before this hook.
SELECT CASE WHEN to_regnamespace(quote_ident(:'app_user')) IS NULL THEN 'public' ELSE :'app_user' END AS place \gset

WITH object AS (
    SELECT 'SCHEMA' AS kind, oid::regnamespace::text AS name, nspowner AS owner,
        CASE WHEN nspname = :'app_user' THEN nspname ELSE 'pg_database_owner' END AS wanted
    FROM pg_namespace
    WHERE nspname IN (:'app_user', 'schema_migrations')
        OR nspname = 'public' AND nspowner <> 'pg_database_owner'::regrole AND NOT pg_has_role(nspowner, 'USAGE')
    UNION ALL
    SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
        pg_class.oid::regclass::text, relowner,
        CASE WHEN nspname = :'place' THEN :'app_user' ELSE 'pg_database_owner' END
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        AND (nspname = :'place' OR nspname = 'schema_migrations' AND relname = :'app_user')
        -- Neither objects of an extension, nor the sequence of a column, which follows its table,
        AND NOT EXISTS (
            SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
                AND (deptype = 'e' OR relkind = 'S' AND deptype IN ('a', 'i'))
        )
        -- nor those of another service in this database.
        AND NOT EXISTS (
            SELECT FROM pg_class AS history WHERE history.relnamespace = to_regnamespace('schema_migrations')
                AND history.relname = pg_get_userbyid(pg_class.relowner)
        )
), wrong AS (
    SELECT *, pg_get_userbyid(owner) AS holder FROM object WHERE pg_get_userbyid(owner) <> wanted
)
-- A name may hold a newline, which would begin a line of the log.
SELECT 'refused: ' || replace(reason, E'\n', '?') FROM (
    SELECT format('role "%s" has to own what follows, and does not exist; ADMIN_USER runs: CREATE ROLE %I',
        :'app_user', :'app_user')
    WHERE to_regrole(quote_ident(:'app_user')) IS NULL AND EXISTS (SELECT FROM wrong WHERE wanted = :'app_user')
    UNION ALL
    -- A migration would find the table there, and the service would have no right on it.
    SELECT format('%s belongs to "%s" and has to belong to "%s"; a superuser runs, in database "%s": ALTER %s %s OWNER TO %I',
        name, holder, wanted, current_database(), kind, name, wanted)
    FROM wrong
    UNION ALL
    SELECT format('%s was not created by this hook; a superuser runs, in database "%s": '
        'ALTER SCHEMA schema_migrations RENAME TO schema_migrations_old', pg_class.oid::regclass, current_database())
    FROM pg_class
    WHERE relnamespace = to_regnamespace('schema_migrations') AND relname = :'app_user'
        AND (relkind <> 'r' OR relrowsecurity)
) AS refusal (reason);

SELECT EXISTS (
    SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    JOIN pg_database ON datname = current_database()
    WHERE nspname = 'schema_migrations' AND relname = :'app_user' AND relkind = 'r' AND NOT relrowsecurity
        AND relowner = 'pg_database_owner'::regrole AND nspowner = relowner AND pg_get_userbyid(datdba) <> :'app_user'
        AND has_table_privilege(pg_class.oid, 'SELECT')
) AS known \gset
\if :known
\set recorded 'SELECT file, checksum, applied_at FROM schema_migrations.' :"app_user"
\else
\set recorded 'SELECT NULL, NULL, NULL::timestamptz WHERE false'
\endif

-- APP_USER may have recorded any text as a file. As "name" it has the characters of a file of the chart only, so that it
-- cannot begin or continue a line that db-init.sh understands. Sorting is by bytes (COLLATE "C"), as in the shell.
WITH comparison AS (
    SELECT file, regexp_replace(file, '[^A-Za-z0-9._-]', '?', 'g') AS name,
        chart.checksum, recorded.checksum AS applied, applied_at
    FROM (
        SELECT split_part(line, ' ', 1) COLLATE "C", split_part(line, ' ', 2)
        FROM regexp_split_to_table(:'migrations', '\n') AS line WHERE line <> ''
    ) AS chart (file, checksum)
    FULL JOIN (
        SELECT file COLLATE "C", checksum, applied_at FROM (:recorded) AS history (file, checksum, applied_at)
    ) AS recorded (file, checksum, applied_at) USING (file)
), newest AS (
    SELECT file, name FROM comparison WHERE applied IS NOT NULL ORDER BY file DESC LIMIT 1
)
SELECT line FROM (
    SELECT file, format('refused: %s was changed after it was applied (%s); '
        'put it back as it was, and write the change as a new file', name, to_char(applied_at, 'YYYY-MM-DD'))
    FROM comparison WHERE checksum <> applied
    UNION ALL
    SELECT comparison.file, format('refused: %s sorts before %s, which is applied; give it a name that sorts after',
        comparison.name, newest.name)
    FROM comparison, newest WHERE applied IS NULL AND comparison.file < newest.file
    UNION ALL
    SELECT file, name || ': applied before and not in this chart, which may be an older one; left alone'
    FROM comparison WHERE checksum IS NULL
    UNION ALL
    SELECT file, 'pending:' || name FROM comparison WHERE applied IS NULL
) AS report (file, line) ORDER BY file, line;
