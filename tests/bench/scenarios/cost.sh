# cost: CPU time of the program per commit that affects a client, at growing numbers of users, to the smallest

cost_at() { # USERS
    new_cluster "cost-$1"
    load_followeds "$1"
    start_sangre "/followeds?user=1" < <(followeds_config)
    "$drivers/bench-cost" "$conninfo" "$port" "$sangre_pid" "$(sized 5000 5000 50)" | take "users_$1_"
    stop_sangre
    remove_cluster
    point "users" "$1" "users" us "users_$1_engine_us"
}

read -ra sizes <<<"$(sized "1000 10000 100000" "1000 10000" "1000 2000")"
for users in "${sizes[@]}"; do
    cost_at "$users"
done
report cost_users us "users_${sizes[-1]}_engine_us" "users_${sizes[0]}_engine_us" "<=1.3" "a commit at ${sizes[-1]} users" "at ${sizes[0]} users"
