# soak: 10,000 websockets, 200 of which do not read, a commit every 250 ms for a minute; fails unless everybody is told what is due

clients=$(sized 10000 10000 100)
stalled=$(sized 200 200 20)
interval=$(sized 250 250 40) # milliseconds
commits=$(sized 240 80 100)
timeout=$(sized 10000 6000 1500)
new_cluster soak
psql <<'SQL'
CREATE TABLE feed (id int PRIMARY KEY, n bigint);
CREATE TABLE wide (id int PRIMARY KEY, n bigint, filler text);

SQL
for run in $(seq "$([ "$size" = full ] && echo 1 || echo "$runs")"); do
    psql -c "TRUNCATE feed, wide; INSERT INTO feed VALUES (1, 0); INSERT INTO wide VALUES (1, 0, '')"
    start_sangre /feed <<YAML
server: { connection_limit: 20000, client_buffer: 256KB, client_timeout: ${timeout}ms, history: { bytes: 8MB } }
sources:
  app: { plugin: postgres, conninfo: "$conninfo" }
views:
  /feed: { from: app.feed, get: { id: 1 } }
  /wide: { from: app.wide, get: { id: 1 } }
YAML
    "$drivers/bench-soak" "$conninfo" "$port" "$sangre_pid" "$clients" "$stalled" "$commits" "$interval" "$timeout" >"$scratch/soak"
    take <"$scratch/soak"
    stop_sangre
done
remove_cluster
echo "soak: $((clients - stalled)) readers were told of each of $commits commits, in order; all of them had it after $(median lag_p50_ms) ms (median), $(median lag_p99_ms) ms (99th of 100)"
echo "soak: $((stalled / 2)) that slept half of the time were told in $(median sleeper_frames) steps; $((stalled - stalled / 2)) that never read were cut after $(median cut_after_s) s"
echo "soak: memory $(median memory_start_mb) MB before, $(median memory_most_mb) MB at most, $(median memory_end_mb) MB at the end; $(median cpu_s) s of CPU time"
report soak_memory MB memory_end_mb memory_start_mb "-" "memory with $clients websockets at the end" "before the first commit"
report soak_lag ms lag_p99_ms - "-" "commit until the last of $((clients - stalled)) readers has it, 99th of 100"
