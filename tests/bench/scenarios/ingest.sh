# ingest: time to apply 1M inserted rows to a filter view, to the time pg_recvlogical takes for a log of the same shape

insert_rows() { # ROWS PER_TRANSACTION
    local first done_rows=0
    first=$(psql -c "SELECT coalesce(max(id), 0) FROM bench")
    while [ "$done_rows" -lt "$1" ]; do
        echo "INSERT INTO bench SELECT g, 'n' || g, repeat('x', 64) FROM generate_series($((first + done_rows + 1)), $((first + done_rows + $2))) g;"
        done_rows=$((done_rows + $2))
    done | psql >/dev/null
}

ingest_reference() { # ROWS PER_TRANSACTION: seconds
    local end start
    "$bin/pg_recvlogical" -d "$conninfo" -S reference -P pgoutput --create-slot
    insert_rows "$1" "$2"
    end=$(psql -c "SELECT pg_current_wal_lsn()")
    start=$(date +%s.%N)
    "$bin/pg_recvlogical" -d "$conninfo" -S reference -o proto_version=1 -o publication_names=bench --start --no-loop --endpos "$end" -f /dev/null
    awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN {print b - a}'
    "$bin/pg_recvlogical" -d "$conninfo" -S reference --drop-slot
}

ingest_shape() { # NAME ROWS PER_TRANSACTION WHAT
    local run
    for run in $(seq "$runs"); do
        "$drivers/bench-ingest" "$conninfo" "$port" "$sangre_pid" "$2" "$3" | take "$1_"
        sample "$1_reference" "$(ingest_reference "$2" "$3")"
    done
    report "ingest_$1" s "$1_seconds" "$1_reference" "<=1.1" "$4" "pg_recvlogical of the same"
}

new_cluster ingest
psql <<'SQL'
CREATE TABLE bench (id bigint PRIMARY KEY, name text, details text);
CREATE TABLE marker (id int PRIMARY KEY, n bigint);
INSERT INTO marker VALUES (1, 0);
CREATE PUBLICATION bench FOR TABLE bench;
SQL
start_sangre /marker <<YAML
sources:
  app: { plugin: postgres, conninfo: "$conninfo" }
nodes:
  odd: { input: app.bench, filter: "id % 2 = 1" }
views:
  /odd: { from: odd, params: { id: { type: bigint } }, get: { id: \$id } }
  /marker: { from: app.marker, get: { id: 1 }, columns: [n] }
YAML
rows=$(sized 1000000 100000 5000)
ingest_shape batches "$rows" 1000 "$rows rows, 1000 a transaction"
ingest_shape one "$rows" "$rows" "$rows rows in one transaction"
ingest_shape singles $((rows / 5)) 1 "$((rows / 5)) rows, one a transaction"
stop_sangre
remove_cluster
