# supabase: changes as they are to clients of Supabase Realtime, the original's workload: in bulk, one by one, to many, latency and memory

written() { # NAME ROWS PER_TRANSACTION: until the last frame, and by pg_recvlogical of the same log
    "$bin/pg_recvlogical" -d "$conninfo" -S reference -P pgoutput --create-slot
    "$drivers/bench-changes" written "$conninfo" "$port" "$2" "$3" | take "$1_"
    local end start
    end=$(psql -c "SELECT pg_current_wal_lsn()")
    start=$(date +%s.%N)
    "$bin/pg_recvlogical" -d "$conninfo" -S reference -o proto_version=1 -o publication_names=bench --start --no-loop --endpos "$end" -f /dev/null
    sample "$1_reference" "$(awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN {print b - a}')"
    "$bin/pg_recvlogical" -d "$conninfo" -S reference --drop-slot
}

fanout() { # CLIENTS COMMITS ROWS: one commit a frame, and by bench-bare; then many rows of one commit
    "$drivers/bench-fanout" changes "$conninfo" "$port" "$sangre_pid" "$1" "$2" "$scratch/recording" | take fanout_
    bare_server "$scratch/recording" "$1" joined | take bare_
    "$drivers/bench-changes" gathered "$conninfo" "$port" "$sangre_pid" "$1" "$3" | take gathered_
}

new_cluster supabase
psql -c "CREATE TABLE bench (id bigint PRIMARY KEY, name text, details text)" -c "CREATE PUBLICATION bench FOR TABLE bench"
start_sangre /_sangre/health <<YAML
sources:
  app: { plugin: postgres, conninfo: "$conninfo", publication: bench }
sinks:
  http: { plugin: http }
  realtime: { plugin: supabase, source: app, secure: false }
YAML
until [ "$(psql -c "SELECT count(*) FROM pg_replication_slots WHERE active")" = 1 ]; do sleep 0.05; done
bulk=$(sized 100000 20000 1000)
singles=$(sized 20000 5000 200)
clients=$(sized 200 200 10)
rows=$(sized 2000 500 50)
for run in $(seq "$runs"); do
    written bulk "$bulk" "$bulk"
    written singles "$singles" 1
    fanout "$clients" "$(sized 500 100 10)" "$rows"
    latency_run changes bench "$(sized 500 50 10)" "$(sized 20 20 1)"
done
sample peak "$(awk '/^VmHWM:/ {print $2 / 1024}' "/proc/$sangre_pid/status")"
stop_sangre
remove_cluster
echo "supabase: $(median fanout_bytes) bytes a frame"
original="Supabase Realtime v0.25.1:"
report supabase_bulk s bulk_seconds bulk_reference "<=1.5" "$bulk rows of one transaction until the last frame ($original 6.1 s)" "pg_recvlogical of the same log"
report supabase_singles s singles_seconds singles_reference "<=1.4" "$singles commits until the last frame ($original 3.6 s)" "pg_recvlogical of the same log"
report supabase_fanout us fanout_us bare_us "<=1.2" "a message to one of $clients clients, one commit a frame ($original about twice the bare one)" "bare epoll and writev"
report supabase_gathered us gathered_us - "<=1" "a message to one of $clients clients, $rows of one commit ($original 18 us)"
report supabase_p50 us frame_p50_us feed_p50_us "<=1.5" "commit to frame, median ($original 600 us)" "commit to pg_recvlogical's line"
report supabase_p99 us frame_p99_us feed_p99_us "<=2" "commit to frame, 99th of 100 ($original 1,100 to 2,900 us)" "commit to pg_recvlogical's line"
report supabase_peak MB peak - "<=60" "peak memory in all of these ($original 250 to 534 MB)"
