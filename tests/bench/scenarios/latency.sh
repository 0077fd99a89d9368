# latency: commit-ack to nested frame at a websocket client (followeds, L), to commit-ack to pg_recvlogical's first byte

latency_run() {
    mkfifo "$scratch/feed"
    "$bin/pg_recvlogical" -d "$conninfo" -S feed -P pgoutput -o proto_version=1 -o publication_names=feed --create-slot --start \
        --no-loop -f - >"$scratch/feed" 2>/dev/null &
    local feed_pid=$!
    "$drivers/bench-latency" "$conninfo" "$port" "$(sized 500 100 20)" 5 "$scratch/feed" >"$scratch/latency"
    take <"$scratch/latency"
    kill "$feed_pid" 2>/dev/null || true # unless it ended with its pipe
    wait "$feed_pid" || true
    rm "$scratch/feed"
    psql -c "SELECT pg_drop_replication_slot('feed')" >/dev/null
}

new_cluster latency
load_followeds "$(sized 100000 100000 1000)"
psql -c "CREATE PUBLICATION feed FOR TABLE places"
start_sangre "/followeds?user=1" < <(followeds_config)
for run in $(seq "$runs"); do
    latency_run
done
stop_sangre
remove_cluster
echo "latency: $(median frame_bytes) bytes a frame"
report latency_p50 us frame_p50_us feed_p50_us "<=1.5" "commit to frame, median" "commit to pg_recvlogical's line"
report latency_p99 us frame_p99_us feed_p99_us "<=2" "commit to frame, 99th of 100" "commit to pg_recvlogical's line"
