#!/bin/sh
# Prepares PostgreSQL for the service, as a Job before each install and upgrade of the chart, and changes nothing if all
# is there already. Two runs at a time wait for each other; a run that was killed is completed by the next one.
#
#   first, read-only   all checks. Each problem is a line "refused: ..." with the statement that fixes it. If there is one,
#                      the hook ends and has changed nothing.
#   as ADMIN_USER      the role APP_USER, without any special right; the database APP_DATABASE, which only its services'
#                      roles and its owner ADMIN_USER may use. ADMIN_USER needs CREATEROLE and CREATEDB, or is a superuser.
#   as APP_USER        the files SQL_DIR/*.sql, in the order of their names, byte by byte (LC_ALL=C): each once, each in a
#                      transaction of its own, with its checksum recorded in schema_migrations.APP_USER.
#
# Services can share APP_DATABASE, each with its own role: their tables are in the schemas with the names of the roles.
#
# The checks refuse a file that was changed after it was applied, a new file whose name sorts before an applied one, and a
# statement that cannot be part of a transaction. Files that are recorded and not in SQL_DIR are reported and left alone: so an
# older chart on a newer database changes nothing, and its service has to work with the newer schema.
#
# Variables: PGHOST, PGPORT, PGSSLMODE, PGSSLROOTCERT (needed for verify-ca and verify-full), ADMIN_USER, ADMIN_DATABASE,
# ADMIN_PASSWORD_FILE, APP_USER, APP_DATABASE, APP_PASSWORD_FILE, SQL_DIR (sql, beside this script), RUN_DIR (a folder in
# memory, /run/db-init), WAIT_SECONDS (for the server, 60), LOCK_SECONDS (for another hook and for each lock, 60). PGHOST is
# PostgreSQL itself: a pooler such as PgBouncer drops settings and may spread one session, and its lock, over connections.
#
# A password file is one line. A newline at its end is not part of the password, which has no control character.
# psql gets the administrator's and the role's password to connect by a passfile in RUN_DIR, and the one to set by \password
# on standard input, which sends the server a SCRAM verifier only.
#
# Status: 0 done; 1 refused, which needs a person; 2 a bad variable, or no connection; 3 a statement failed; 143 ended.
set -eu
set +x # the shell holds passwords
umask 077
export LC_ALL=C PGCLIENTENCODING=UTF8 PGCONNECT_TIMEOUT=10 PGAPPNAME=db-init
# The first three would come before the passfile, the host and the database; a variable that came exported stays exported.
unset PGPASSWORD PGHOSTADDR PGSERVICE new

here=$(cd -P "$(dirname "$0")" && pwd)
child=
database=
pending=' '
refused=

say() { # one line, whatever is in it
  printf 'db-init: %s\n' "$(printf %s "$*" | tr '\000-\037\177' '?')"
}

fail() { # STATUS SENTENCE
  status=$1
  shift
  say "$*" >&2
  exit "$status"
}

clean() {
  rm -f "$RUN_DIR/admin-passfile" "$RUN_DIR/app-passfile" "$RUN_DIR/report" "$RUN_DIR/messages"
}

stop() {
  if [ -n "$child" ]; then kill "$child" 2>/dev/null || true; fi
  exit 143
}

check_name() { # VARIABLE VALUE
  case $2 in
    '' | *[[:cntrl:]]*) ;;
    # Some shells count characters in ${#2}.
    *) if [ "$(printf %s "$2" | wc -c)" -le 63 ]; then return; fi ;;
  esac
  fail 2 "$1 takes a name of 1 to 63 bytes without control characters"
}

check_number() { # VARIABLE VALUE MINIMUM MAXIMUM
  case $2 in
    '' | *[!0-9]* | ??????* | 0?*) ;;
    *) if [ "$2" -ge "$3" ] && [ "$2" -le "$4" ]; then return; fi ;;
  esac
  fail 2 "$1 takes a whole number from $3 to $4"
}

check_password_file() { # VARIABLE FILE
  if [ ! -f "$2" ] || [ ! -r "$2" ]; then
    fail 2 "$1 takes the path of a readable file that holds a password"
  fi
  # The one control character that may be there is a newline at the end.
  controls=$(tr -dc '\000-\037\177' <"$2" | wc -c)
  if [ "$controls" -gt "$(tail -c 1 "$2" | wc -l)" ] || [ -z "$(cat "$2")" ]; then
    fail 2 "$1 takes a file of one line, the password, without control characters"
  fi
}

check_variables() {
  case $PGHOST in
    '' | *[[:cntrl:]]*) fail 2 "PGHOST takes the host name or address of PostgreSQL" ;;
  esac
  check_number PGPORT "$PGPORT" 1 65535
  case $PGSSLMODE in
    disable | allow | prefer | require) ;;
    verify-ca | verify-full)
      if [ -z "${PGSSLROOTCERT:-}" ]; then
        fail 2 "PGSSLROOTCERT takes the path of the CA certificates that PGSSLMODE $PGSSLMODE checks against"
      fi
      ;;
    *) fail 2 "PGSSLMODE takes disable, allow, prefer, require, verify-ca or verify-full" ;;
  esac
  if [ -n "${PGSSLROOTCERT:-}" ] && [ "$PGSSLROOTCERT" != system ] && [ ! -r "$PGSSLROOTCERT" ]; then
    fail 2 "PGSSLROOTCERT takes the path of a readable file, or the word system"
  fi
  check_name ADMIN_USER "$ADMIN_USER"
  check_name ADMIN_DATABASE "$ADMIN_DATABASE"
  check_name APP_USER "$APP_USER"
  check_name APP_DATABASE "$APP_DATABASE"
  case $APP_USER in
    "$ADMIN_USER") fail 2 "APP_USER takes another role than ADMIN_USER" ;;
    pg_* | public | none | schema_migrations) fail 2 "APP_USER takes no reserved name: pg_..., public, none, schema_migrations" ;;
  esac
  case $APP_DATABASE in
    "$ADMIN_DATABASE") fail 2 "APP_DATABASE takes another database than ADMIN_DATABASE" ;;
    postgres | template0 | template1) fail 2 "APP_DATABASE takes a database of its own, not postgres, template0 or template1" ;;
  esac
  check_password_file ADMIN_PASSWORD_FILE "$ADMIN_PASSWORD_FILE"
  check_password_file APP_PASSWORD_FILE "$APP_PASSWORD_FILE"
  if [ ! -d "$SQL_DIR" ] || [ ! -x "$SQL_DIR" ]; then
    fail 2 "SQL_DIR takes the path of the folder with the SQL files"
  fi
  if [ ! -d "$RUN_DIR" ] || [ ! -w "$RUN_DIR" ] || [ "$RUN_DIR" = "${RUN_DIR#/}" ]; then
    fail 2 "RUN_DIR takes the absolute path of a writable folder in memory"
  fi
  check_number WAIT_SECONDS "$WAIT_SECONDS" 1 3600
  check_number LOCK_SECONDS "$LOCK_SECONDS" 1 3600
}

wait_for_server() {
  deadline=$(($(date +%s) + WAIT_SECONDS))
  # Without the demands on encryption, a certificate that will be refused is not taken for a server that is down.
  until PGSSLMODE=prefer PGSSLROOTCERT='' PGUSER=$ADMIN_USER PGDATABASE=$ADMIN_DATABASE pg_isready --quiet --timeout=5; do
    if [ "$(date +%s)" -ge "$deadline" ]; then
      fail 2 "PostgreSQL at $PGHOST:$PGPORT did not answer within $WAIT_SECONDS s"
    fi
    sleep 1
  done
}

# Files of our own, because libpq takes none that a group may read, which the files of a Secret are.
write_passfile() { # PASSWORD_FILE PASSFILE
  { cat "$1" && echo; } | sed 's/[\\:]/\\&/g; s/^/*:*:*:*:/; q' >"$2"
}

read_report() {
  while IFS= read -r line; do
    case $line in
      database:) database=yes ;;
      pending:*) pending="$pending${line#pending:} " ;;
      refused:*) refused=yes && say "$line" ;;
      *) say "$line" ;;
    esac
  done <"$RUN_DIR/report"
}

# The lines that psql prints become lines of the log, or control this script. Nothing that comes from the database may begin a
# line, neither of psql's output nor of the log.
run_sql() { # WHAT SQL_FILE, as PGUSER in PGDATABASE with PGPASSFILE, standard input from descriptor 3
  status=0
  # In the background, because a shell that waits for a program runs no trap.
  psql -X -q -A -t -v ON_ERROR_STOP=1 -v lock_seconds="$LOCK_SECONDS" -f "$here/$2" \
    <&3 >"$RUN_DIR/report" 2>"$RUN_DIR/messages" 3<&- &
  child=$!
  wait "$child" || status=$?
  child=
  read_report
  # \password asks on standard error.
  sed '/^Enter new password for user ".*": $/d; /^Enter it again: $/d; s/[[:cntrl:]]/?/g; s/^/  /' "$RUN_DIR/messages" >&2
  if [ "$status" -ne 0 ]; then
    fail "$status" "$1 failed: psql ended with status $status"
  fi
}

is_pending() { # FILE
  case $pending in
    *" $1 "*) return 0 ;;
    *) return 1 ;;
  esac
}

list_migrations() {
  for path in "$SQL_DIR"/*.sql; do
    if [ ! -f "$path" ]; then continue; fi
    file=${path##*/}
    case $file in
      [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*)
        fail 2 "SQL_DIR takes files named with letters, digits, dots, dashes and underscores; not $file"
        ;;
    esac
    checksum=$(sha256sum <"$path")
    printf '%s %s\n' "$file" "${checksum%% *}"
  done
}

: "${PGHOST:=}" "${PGPORT:=}" "${PGSSLMODE:=}" "${ADMIN_USER:=}" "${ADMIN_DATABASE:=}" "${ADMIN_PASSWORD_FILE:=}"
: "${APP_USER:=}" "${APP_DATABASE:=}" "${APP_PASSWORD_FILE:=}"
: "${SQL_DIR:=$here/sql}" "${RUN_DIR:=/run/db-init}" "${WAIT_SECONDS:=60}" "${LOCK_SECONDS:=60}"
check_variables
export PGHOST PGPORT PGSSLMODE APP_USER APP_DATABASE
# The session of a dead client ends, and gives back its locks, within seconds instead of hours.
settings="-c client_min_messages=warning -c password_encryption=scram-sha-256 -c standard_conforming_strings=on \
-c lock_timeout=${LOCK_SECONDS}s -c client_connection_check_interval=5s \
-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
# A name without a schema has to be PostgreSQL's own: in public, APP_USER may have made an operator or a function that fits
# better, and would run with the rights of the administrator. This comes before what ALTER ROLE or DATABASE may have set.
admin_settings="$settings -c search_path=pg_catalog,pg_temp"
trap clean EXIT
trap stop INT TERM HUP
MIGRATIONS=$(list_migrations)
export MIGRATIONS
# Only names that come from SQL_DIR: a file that the database names could be any file of this pod.
files=$(printf '%s\n' "$MIGRATIONS" | sed 's/ .*//')

wait_for_server

write_passfile "$ADMIN_PASSWORD_FILE" "$RUN_DIR/admin-passfile"
write_passfile "$APP_PASSWORD_FILE" "$RUN_DIR/app-passfile"
new=$(cat "$APP_PASSWORD_FILE")
export PGUSER="$ADMIN_USER" PGDATABASE="$ADMIN_DATABASE" PGPASSFILE="$RUN_DIR/admin-passfile"

export PGOPTIONS="$admin_settings -c default_transaction_read_only=on"
run_sql "check" check.sql 3</dev/null
if [ -n "$database" ]; then
  PGDATABASE=$APP_DATABASE
  run_sql "check of the database" check-database.sql 3</dev/null
else
  pending=" $(printf '%s' "$files" | tr '\n' ' ') "
fi
cd -P "$SQL_DIR"
set --
for file in $files; do
  if is_pending "$file"; then set -- "$@" "$file"; fi
done
if [ $# -gt 0 ]; then
  awk -v prefix="refused: " -f "$here/statements.awk" "$@" >"$RUN_DIR/report"
  read_report
fi
if [ -n "$refused" ]; then
  say "nothing was changed"
  exit 1
fi

PGDATABASE=$ADMIN_DATABASE PGOPTIONS=$admin_settings
run_sql "role and database" role-database.sql 3<<END
$new
$new
END
PGDATABASE=$APP_DATABASE
run_sql "schema" schema.sql 3</dev/null
PGUSER=$APP_USER PGPASSFILE=$RUN_DIR/app-passfile PGOPTIONS=$settings # a file says "greetings" for the schema's table
for MIGRATION in $files; do
  if is_pending "$MIGRATION"; then
    export MIGRATION
    run_sql "$MIGRATION" apply.sql 3</dev/null
    if [ -n "$refused" ]; then exit 1; fi
  else
    say "$MIGRATION: applied before"
  fi
done
say "done"
