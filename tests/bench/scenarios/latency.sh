# latency: commit-ack to nested frame at a websocket client (followeds, L), to commit-ack to pg_recvlogical's first byte

new_cluster latency
load_followeds "$(sized 100000 100000 1000)"
start_sangre "/followeds?user=1" < <(followeds_config)
for run in $(seq "$runs"); do
    latency_run followeds places "$(sized 500 100 20)" 5
done
stop_sangre
remove_cluster
echo "latency: $(median frame_bytes) bytes a frame"
report latency_p50 us frame_p50_us feed_p50_us "<=1.5" "commit to frame, median" "commit to pg_recvlogical's line"
report latency_p99 us frame_p99_us feed_p99_us "<=2" "commit to frame, 99th of 100" "commit to pg_recvlogical's line"
