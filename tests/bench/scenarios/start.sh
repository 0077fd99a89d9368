# start: from the program's start to its first result (followeds, L), to a bare COPY of the same tables

tables="users places users_followeds users_places"
new_cluster start
load_followeds "$(sized 100000 100000 1000)"
for table in $tables; do
    psql -c "COPY $table TO STDOUT" >/dev/null # what the first reading of a table costs is nobody's
done
port=$(free_port)
write_config < <(followeds_config)
for run in $(seq "$runs"); do
    # shellcheck disable=SC2086
    "$drivers/bench-start" "$conninfo" "$port" "/followeds?user=1" "$sangre" "$scratch/config.yaml" $tables \
        2>"$scratch/sangre.log" >"$scratch/start" || { cat "$scratch/sangre.log" >&2; die "the program did not start"; }
    take <"$scratch/start"
done
remove_cluster
echo "start: $(median cpu_s) s of CPU; the answer has $(median answer_bytes) bytes"
report start s start_s copy_s "<=2.5" "start to first result on L" "COPY of the four tables"
