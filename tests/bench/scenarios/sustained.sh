# sustained: 20k commits each delivered as its frame: until the last one to pgbench's own time, and from written log to pg_recvlogical's

commits=$(sized 5000 1000 50) # of each of four clients
number=0 # of the next run: what one writes, none wrote before, for what changes nothing makes no frame

pgbench_run() { # WAY KIND: `live` or `written`, `aff` or `unaff`
    local frames=0
    [ "$2" = unaff ] || frames=$((4 * commits))
    "$drivers/bench-sustained" "$1" "$conninfo" "$port" "$number" "$frames" \
        "$bin/pgbench" -n -c4 -j1 -t"$commits" -M prepared -D run="$number" -D n=0 -f "$scratch/$2.sql" "$conninfo"
}

reference_run() { # the same log again
    local end start
    end=$(psql -c "SELECT pg_current_wal_lsn()")
    start=$(date +%s.%N)
    "$bin/pg_recvlogical" -d "$conninfo" -S reference -o proto_version=1 -o publication_names=sangre --start --no-loop --endpos "$end" -f /dev/null
    awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN {print b - a}'
}

measure() { # KIND
    number=$((number + 1))
    pgbench_run live "$1" | take "$1_live_"
    number=$((number + 1))
    "$bin/pg_recvlogical" -d "$conninfo" -S reference -P pgoutput --create-slot
    pgbench_run written "$1" | take "$1_written_"
    sample "$1_reference" "$(reference_run)"
    "$bin/pg_recvlogical" -d "$conninfo" -S reference --drop-slot
}

cat >"$scratch/aff.sql" <<'SQL'
\set n :n + 1
\set user random(2, 1001)
\set k random(0, 4)
UPDATE places SET name = :run || '.' || :client_id || '.' || :n WHERE id = (:user * 31 + :k * 3001) % 15000 + 1;
SQL
cat >"$scratch/unaff.sql" <<'SQL'
\set n :n + 1
\set place random(15001, 20000)
UPDATE places SET name = :run || '.' || :client_id || '.' || :n WHERE id = :place;
SQL
new_cluster sustained
load_followeds "$(sized 100000 10000 1200)"
start_sangre "/followeds?user=1" < <(followeds_config)
for run in $(seq "$runs"); do
    measure aff
    measure unaff
done
stop_sangre
remove_cluster
total=$((4 * commits))
echo "sustained: pgbench makes $(awk -v n="$total" -v s="$(median aff_live_pgbench)" 'BEGIN {print int(n / s)}') commits a second"
report sustained_live s aff_live_seconds aff_live_pgbench "<=1.05" "$total commits until the last frame, each as its own" "pgbench's own time"
report sustained_written s aff_written_seconds aff_reference "<=1.4" "the same from written log" "pg_recvlogical of it"
report sustained_unaff_live s unaff_live_seconds unaff_live_pgbench "<=1.02" "$total commits that concern nobody" "pgbench's own time"
report sustained_unaff_written s unaff_written_seconds unaff_reference "<=1.15" "the same from written log" "pg_recvlogical of it"
