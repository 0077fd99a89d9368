# memory: resident memory on L after the start and after 20k updates, to what the tables and their indexes take in Postgres

status_mb() { # FIELD of /proc/PID/status
    awk -v field="$1:" '$1 == field {printf "%.1f\n", $2 / 1024}' "/proc/$sangre_pid/status"
}

state_mb() { # what the program itself says it keeps: its members whose names end with _bytes, summed by name
    "$sangre" explain --live "127.0.0.1:$port" --json | python3 -c '
import json, sys
sums = {}
def walk(value):
    for name, inner in value.items() if isinstance(value, dict) else ((None, v) for v in value):
        if isinstance(inner, (dict, list)):
            walk(inner)
        elif name and name.endswith("_bytes"):
            sums[name] = sums.get(name, 0) + inner
walk(json.load(sys.stdin))
print(", ".join(f"{name[:-6]} {size / 2**20:.1f}" for name, size in sorted(sums.items()) if size))'
}

commits=$(sized 20000 2000 50)
new_cluster memory
load_followeds "$(sized 100000 100000 1000)"
sample postgres_mb "$(psql -c "SELECT round(sum(pg_total_relation_size(oid)) / 1048576.0, 1) FROM pg_class
    WHERE relname IN ('users', 'places', 'users_followeds', 'users_places')")"
for run in $(seq "$runs"); do
    start_sangre "/followeds?user=1" < <(followeds_config)
    sample after_start_mb "$(status_mb VmRSS)"
    by_what=$(state_mb)
    "$drivers/bench-cost" "$conninfo" "$port" "$sangre_pid" "$commits" followeds >/dev/null
    sample after_updates_mb "$(status_mb VmRSS)"
    sample peak_mb "$(status_mb VmHWM)"
    by_what_then=$(state_mb)
    stop_sangre
done
remove_cluster
echo "memory: MB after the start: $by_what"
echo "memory: MB after $commits updates: $by_what_then; peak of all $(median peak_mb)"
report memory_start MB after_start_mb postgres_mb "<=1.0" "resident on L after the start" "tables and indexes in Postgres"
report memory_updates MB after_updates_mb postgres_mb "<=1.0" "resident on L after $commits updates" "tables and indexes in Postgres"
