# fanout: CPU time of the program per message, one commit a frame, to bare epoll and writev of the same frames; and one of N clients concerned

fanout_at() { # CLIENTS: as many messages, whatever the number of clients
    "$drivers/bench-fanout" all "$conninfo" "$port" "$sangre_pid" "$1" $((messages / $1)) "$scratch/recording" | take "all_$1_"
    bare_server "$scratch/recording" "$1" bare | take "bare_$1_"
    "$drivers/bench-fanout" one "$conninfo" "$port" "$sangre_pid" "$1" "$(sized 2000 500 20)" | take "one_$1_"
}

read -ra counts <<<"$(sized "200 1000 10000" "200 1000 10000" "10 50")"
messages=$(sized 400000 100000 500)
new_cluster fanout
psql -c "CREATE TABLE board AS SELECT g AS id, 'note' AS note FROM generate_series(1, ${counts[-1]}) g; ALTER TABLE board ADD PRIMARY KEY (id)"
start_sangre "/board?id=1" <<YAML
server: { connection_limit: 20000 }
sources:
  app: { plugin: postgres, conninfo: "$conninfo" }
views:
  /board: { from: app.board, params: { id: int }, get: { id: \$id } }
YAML
for run in $(seq "$runs"); do
    for clients in "${counts[@]}"; do
        fanout_at "$clients"
    done
done
stop_sangre
remove_cluster
echo "fanout: $(median "all_${counts[0]}_bytes") bytes a frame"
for clients in "${counts[@]}"; do
    report "fanout_$clients" us "all_${clients}_us" "bare_${clients}_us" "<=1.2" "a message to one of $clients clients" "bare epoll and writev"
    point "sangre" "$clients" "clients" us "all_${clients}_us"
    point "bare epoll and writev" "$clients" "clients" us "bare_${clients}_us"
    point "one client concerned" "$clients" "clients" us "one_${clients}_us"
done
report fanout_one us "one_${counts[-1]}_us" "one_${counts[0]}_us" "<=1.3" "a commit for one of ${counts[-1]} clients" "for one of ${counts[0]}"
