#!/usr/bin/env bash
# A private PostgreSQL cluster in a folder, for tests, benchmarks and the demo. Nothing else on the machine is touched.
#
#   pg_cluster.sh create [DIR] [NAME=VALUE …]  makes and starts one (DIR: a new folder in $TMPDIR if left out); prints DIR
#   pg_cluster.sh start DIR [NAME=VALUE …]     starts it again, with settings added
#   pg_cluster.sh stop DIR [smart|fast|immediate]
#   pg_cluster.sh remove DIR                   stops it and deletes the folder
#   pg_cluster.sh conninfo DIR [DATABASE]      prints what libpq needs to connect (superuser postgres, no password)
#   pg_cluster.sh psql DIR [ARGUMENT …]        psql in it: quiet, unaligned, tuples only, stops at errors
#
# It listens on a unix socket in DIR alone (settings such as listen_addresses=127.0.0.1 port=5433 change that), has
# wal_level=logical, UTF-8, locale C.UTF-8, and fsync off. Binaries: $PG_BIN, else the newest of /usr/lib/postgresql. Run as root, the
# server runs as user postgres. Exit code 1 with a message if anything is missing.
set -euo pipefail

fail() {
    echo "pg_cluster.sh: $*" >&2
    exit 1
}

find_binaries() {
    local folder
    for folder in ${PG_BIN:-} $(ls -d /usr/lib/postgresql/*/bin /usr/local/pgsql/bin 2>/dev/null | sort -rV); do
        if [ -x "$folder/initdb" ]; then
            echo "$folder"
            return
        fi
    done
    folder=$(command -v initdb || true)
    [ -n "$folder" ] || fail "no PostgreSQL server binaries: install postgresql, or set PG_BIN to their folder"
    dirname "$folder"
}

as_server() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

port_of() {
    sed -n "s/^port *= *//p" "$1/data/postgresql.conf" "$1/data/sangre.conf" 2>/dev/null | tail -1 | tr -d "'"
}

settings() { # appended to those that are there: the last one counts
    local folder=$1 setting
    shift
    for setting in "$@"; do
        case $setting in
        [a-zA-Z]*=*) echo "${setting%%=*} = '${setting#*=}'" ;;
        *) fail "'$setting' is not NAME=VALUE" ;;
        esac
    done | as_server tee -a "$folder/data/sangre.conf" >/dev/null
}

start() {
    local folder=$1
    shift
    [ -d "$folder/data" ] || fail "$folder holds no cluster"
    settings "$folder" "$@"
    as_server "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 -s start >/dev/null </dev/null || {
        tail -20 "$folder/log" >&2
        fail "the server in $folder does not start"
    }
}

create() {
    local folder=${1:-}
    if [ -z "$folder" ] || [[ $folder == *=* ]]; then
        folder=$(mktemp -d "${TMPDIR:-/tmp}/sangre-pg-XXXXXX")
    else
        mkdir -p "$folder"
        shift
    fi
    folder=$(cd "$folder" && pwd)
    chmod 755 "$folder"
    [ "$(id -u)" != 0 ] || chown postgres "$folder"
    as_server "$bin/initdb" -D "$folder/data" -U postgres -A trust --locale=C.UTF-8 -E UTF8 --no-sync >/dev/null
    echo "include 'sangre.conf'" | as_server tee -a "$folder/data/postgresql.conf" >/dev/null
    settings "$folder" port=5432 listen_addresses= unix_socket_directories="$folder" wal_level=logical fsync=off \
        synchronous_commit=on full_page_writes=off max_replication_slots=20 max_wal_senders=20 log_min_messages=warning
    start "$folder" "$@"
    echo "$folder"
}

stop() {
    if [ -f "$1/data/postmaster.pid" ]; then
        as_server "$bin/pg_ctl" -D "$1/data" -w -t 60 -s -m "${2:-fast}" stop >/dev/null
    fi
}

[ $# -ge 1 ] || fail "usage: pg_cluster.sh create|start|stop|remove|conninfo|psql DIR … (see its first lines)"
bin=$(find_binaries)
command=$1
shift
[ "$command" = create ] || [ $# -ge 1 ] || fail "$command needs the cluster's folder"
case $command in
create) create "$@" ;;
start) start "$@" ;;
stop) stop "$@" ;;
remove)
    stop "$1" immediate
    rm -rf "${1:?}/data" "$1/log"
    rm -f "$1"/.s.PGSQL.*
    rmdir "$1"
    ;;
conninfo) echo "host=$1 port=$(port_of "$1") user=postgres dbname=${2:-postgres}" ;;
psql)
    folder=$1
    shift
    exec "$bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$folder" -p "$(port_of "$folder")" -U postgres "$@"
    ;;
*) fail "no command $command" ;;
esac
