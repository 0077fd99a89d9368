# wire: bytes of the message that tells of a rename two levels deep (followeds, L), by codec, also deflated with its context

new_cluster wire
load_followeds "$(sized 100000 100000 1200)"
start_sangre "/followeds?user=1" < <(
    echo "server: { compression: context }"
    followeds_config
)
for run in $(seq "$runs"); do
    for codec in json-patch rows; do
        for how in plain deflate; do
            "$drivers/bench-wire" "$conninfo" "$port" "$codec" "$how" | take "${codec}_${how}_"
        done
    done
done
stop_sangre
remove_cluster
report wire_json_patch B json-patch_plain_bytes - "<=150" "a rename, json-patch"
report wire_rows B rows_plain_bytes - "<=100" "a rename, rows"
report wire_json_patch_deflate B json-patch_deflate_bytes - "<=60" "a rename, json-patch, deflated with its context"
report wire_rows_deflate B rows_deflate_bytes - "<=60" "a rename, rows, deflated with its context"
