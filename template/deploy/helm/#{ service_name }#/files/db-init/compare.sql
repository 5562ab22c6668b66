-- The role's part in APP_DATABASE: compares the files of the chart with the recorded ones, and prints "pending:FILE" for
-- each that db-init.sh has to apply. Sorting is by bytes (COLLATE "C"), as in the shell.

\getenv migrations MIGRATIONS
\ir lock.sql

BEGIN;
CREATE TABLE IF NOT EXISTS public.schema_migrations (
    file text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
-- Functions and types are the two kinds of objects on which PUBLIC has a right unless it is taken.
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TYPES FROM PUBLIC;
COMMIT;

-- APP_USER may have recorded any text as a file. As "name" it has the characters of a file of the chart only, so that it
-- cannot begin or continue a line that db-init.sh understands.
CREATE TEMPORARY VIEW comparison AS
SELECT file, regexp_replace(file, '[^A-Za-z0-9._-]', '?', 'g') AS name,
    chart.checksum, recorded.checksum AS applied, applied_at
FROM (
    SELECT split_part(line, ' ', 1) COLLATE "C", split_part(line, ' ', 2)
    FROM regexp_split_to_table(:'migrations', '\n') AS line WHERE line <> ''
) AS chart (file, checksum)
FULL JOIN (
    SELECT file COLLATE "C", checksum, applied_at FROM public.schema_migrations
) AS recorded (file, checksum, applied_at) USING (file);

SELECT 'refused: ' || reason FROM (
    SELECT format('%s was changed after it was applied (%s); '
        'put it back as it was, and write the change as a new file', name, to_char(applied_at, 'YYYY-MM-DD'))
    FROM comparison WHERE checksum <> applied
    UNION ALL
    SELECT format('%s sorts before %s, which is applied; give it a name that sorts after', comparison.name, newest.name)
    FROM comparison, (
        SELECT file, name FROM comparison WHERE applied IS NOT NULL ORDER BY file DESC LIMIT 1
    ) AS newest
    WHERE applied IS NULL AND comparison.file < newest.file
) AS refusal (reason) ORDER BY reason LIMIT 1;
\if :ROW_COUNT
\quit
\endif

SELECT CASE
    WHEN checksum IS NULL THEN name || ': applied before and not in this chart, which may be an older one; left alone'
    WHEN applied IS NULL THEN 'pending:' || name
    ELSE name || ': applied before'
END FROM comparison ORDER BY file;
