# connections: memory of the program for each of 10k idle websockets, and for each subscription with a parameter of its own, its document aside

measure() { # KIND ARGUMENT …: in a program of its own, for memory that was freed would be used again unseen
    start_sangre "/board?id=1" <<YAML
server: { connection_limit: 20000 }
sources:
  app: { plugin: postgres, conninfo: "$conninfo" }
views:
  /board: { from: app.board, params: { id: int }, get: { id: \$id } }
YAML
    "$drivers/bench-connections" "$1" "$port" "$sangre_pid" "${@:2}" | take "$1_"
    stop_sangre
}

clients=$(sized 10000 10000 100)
subscriptions=$(sized 100000 20000 400)
new_cluster connections
psql -c "CREATE TABLE board AS SELECT g AS id, 'note' AS note FROM generate_series(1, 2 * $subscriptions) g; ALTER TABLE board ADD PRIMARY KEY (id)"
for run in $(seq "$runs"); do
    measure clients "$clients" "/board?id=1"
    measure subscriptions "$subscriptions" "$(sized 1000 1000 100)"
done
remove_cluster
echo "connections: a subscription's document has $(median subscriptions_document) bytes"
report connections_clients B clients_bytes - "<=6144" "memory of an idle websocket, of $clients"
report connections_subscriptions B subscriptions_bytes - "<=1024" "memory of a subscription with its own parameter, its document aside"
