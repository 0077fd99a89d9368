# wire: bytes of the message that tells of a rename two levels deep (followeds, L), by codec
new_cluster wire
load_followeds "$(sized 100000 10000 1200)"
start_sangre "/followeds?user=1" < <(followeds_config)
for run in $(seq "$runs"); do
    for codec in json-patch rows; do
        "$drivers/bench-wire" "$conninfo" "$port" "$codec" plain | take "${codec}_"
    done
done
stop_sangre
remove_cluster
report wire_json_patch B json-patch_bytes - "<=150" "a rename, json-patch"
report wire_rows B rows_bytes - "<=100" "a rename, rows"
