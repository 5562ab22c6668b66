#!/usr/bin/env bash
# Run the tests with the race detector on the PostgreSQL of compose.yaml, which they otherwise skip. Needs Docker on Linux, where
# a container's address can be reached. The server keeps running; `make down` stops it.
set -euo pipefail
cd "$(dirname "$0")/.."

make .secrets/postgres-password
docker compose up --detach --wait postgresql
container=$(docker compose ps --quiet postgresql)
address=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$container")
TEST_DBHOST=$address TEST_DBUSER="tks_contract" TEST_DBNAME="tks_contract" \
    TEST_DBPASSWORD_FILE=$PWD/.secrets/postgres-password make test-race
