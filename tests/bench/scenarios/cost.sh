# cost: CPU time of the program per affected commit: by users, views, parameters, depth; the most to the fewest

views_config() { # VIEWS
    echo "sources: { app: { plugin: postgres, conninfo: \"$conninfo\" } }"
    echo "views:"
    seq "$1" | sed 's|.*|  /items-&: { from: app.items, where: "owner = &", order_by: id }|'
}

parameters_config() {
    echo "sources: { app: { plugin: postgres, conninfo: \"$conninfo\" } }"
    echo 'views: { /items: { from: app.items, params: { owner: int }, where: "owner = $owner", order_by: id } }'
}

depth_config() { # LEVELS: each populates the next
    local level indent="    "
    cat <<YAML
sources: { app: { plugin: postgres, conninfo: "$conninfo" } }
views:
  /depth-$1:
    from: app.steps
    get: { id: 10000 }
YAML
    for level in $(seq 2 "$1"); do
        printf '%spopulate:\n%s  below:\n%s    from: app.steps\n%s    on: "id = parent"\n' "$indent" "$indent" "$indent" "$indent"
        indent+="    "
    done
}

measure() { # SERIES N READY_PATH WORKLOAD…, the config on stdin
    local name=$1_$2
    start_sangre "$3"
    "$drivers/bench-cost" "$conninfo" "$port" "$sangre_pid" "$commits" "${@:4}" | take "${name}_"
    stop_sangre
}

series() { # NAME N_WHAT N…: figures by N, and the last to the first
    local name=$1 what=$2 n
    shift 2
    for n in "$@"; do
        point "$name" "$n" "$what" "us a commit" "${name}_${n}_commit_us"
    done
    report "cost_$name" us "${name}_${!#}_commit_us" "${name}_$1_commit_us" "$goal" "a commit at ${!#} $what" "at $1"
}

commits=$(sized 5000 2000 50)
read -ra users <<<"$(sized "1000 10000 100000 1000000" "1000 10000 100000" "1000 2000")"
read -ra views <<<"$(sized "1 100 10000" "1 100 1000" "1 10")"
read -ra parameters <<<"$(sized "1 1000 100000" "1 1000 10000" "1 100")"
read -ra depth <<<"$(sized "1 2 3 4" "1 2 3 4" "1 4")"

new_cluster cost
psql -v owners="$(sized 100000 10000 100)" -f "$root/tests/bench/lib/cost.sql"
for n in "${users[@]}"; do
    psql -c "CREATE DATABASE users_$n"
    load_followeds "$n" -d "users_$n"
done
for run in $(seq "$runs"); do
    for n in "${users[@]}"; do
        conninfo=$("$pg" conninfo "$cluster" "users_$n")
        measure users "$n" "/followeds?user=1" followeds < <(followeds_config)
    done
    conninfo=$("$pg" conninfo "$cluster")
    for n in "${views[@]}"; do
        measure views "$n" /items-1 views "$n" < <(views_config "$n")
    done
    for n in "${parameters[@]}"; do
        measure parameters "$n" "/items?owner=1" parameters "$n" < <(parameters_config)
    done
    for n in "${depth[@]}"; do
        measure depth "$n" "/depth-$n" depth "$n" < <(depth_config "$n")
    done
done
remove_cluster
goal="<=1.3"
series users users "${users[@]}"
series views "views that differ in a constant" "${views[@]}"
series parameters "parameters, one a subscription" "${parameters[@]}"
goal=-
series depth "levels" "${depth[@]}"
