# What scenarios of scripts/bench have at hand; sourced after scripts/lib/common.sh. Each scenarios/NAME.sh is sourced in a shell of its
# own, so what it defines is its own. Its first line is `# NAME: what is measured, to what reference`. It may use:
#
#   $size         full, quick or tiny; `sized FULL QUICK TINY` prints the word for it
#   $runs         how often program and reference run in turn
#   $scratch      a folder that goes away afterwards
#   $drivers      the folder of tests/bench/drivers' programs, bench-NAME
#   $sangre $bin  the measured program; the folder of Postgres' programs
#   $cluster $conninfo $port $sangre_pid   set by the functions below
#
# and the functions of this file. A driver prints `name value` lines, which `take` keeps as samples.

bench_build() { # SOURCES BUILD [CMAKE_ARGUMENT …]
    cmake -G Ninja -S "$1" -B "$2" -DCMAKE_BUILD_TYPE=RelWithDebInfo --log-level=WARNING "${@:3}" >/dev/null
    ninja -C "$2" --quiet
}

bench_use() { # BUILD [DRIVERS_BUILD]: the program of the one, the drivers of the other
    sangre=$1/core/sangre
    drivers=${2:-$1}/tests/bench
    export SANGRE_PLUGIN_DIR=$1/plugins
    pg=$root/tests/lib/pg_cluster.sh
    bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
}

bench_run() ( # SCENARIO
    scenario=$1
    scratch=$scratch/$scenario
    mkdir -m 1777 "$scratch" # clusters of another user live in it
    mkdir "$scratch/samples"
    started=$(date -u +%FT%TZ)
    . "$root/tests/bench/scenarios/$scenario.sh"
    sort -s -k1,1 -t: "$scratch/lines" | cut -d: -f2-
    rm -rf "$scratch"
)

# This tree's program and another revision's, in turn, under this tree's scenarios and drivers: each figure here, to the figure there.
bench_compare() { # BUILD COMMIT|BUILD SCENARIO…
    local build=$1 there=$2 rounds=$runs round scenario name
    shift 2
    if [ ! -d "$there" ]; then
        mkdir "$scratch/sources"
        git -C "$root" archive "$there" | tar -x -C "$scratch/sources"
        there=$scratch/sources/build
        bench_build "$scratch/sources" "$there" -DBUILD_TESTING=OFF
    fi
    runs=1
    for round in $(seq "$rounds"); do
        for scenario in "$@"; do
            bench_use "$build"
            bench_run "$scenario" | tee -a "$scratch/here"
            bench_use "$there" "$build"
            bench_run "$scenario" | tee -a "$scratch/there"
        done
    done >&2
    mkdir "$scratch/samples"
    while read -r name; do
        names_samples "$name" <"$scratch/here" >"$scratch/samples/here"
        names_samples "$name" <"$scratch/there" >"$scratch/samples/there"
        printf 'scenario=%s figure=%s reference=%s ratio=%s goal=-\n' "$name" "$(median here)" "$(median there)" \
            "$(ratio "$(median here)" "$(median there)")"
    done < <(sed -n 's/^scenario=\([^ ]*\) .*/\1/p' "$scratch/here" | awk '!seen[$0]++')
}

names_samples() { # NAME: its figures among lines of reports
    sed -n "s/^scenario=$1 figure=\([^ ]*\) .*/\1/p"
}

sized() { # FULL QUICK TINY
    case $size in full) echo "$1" ;; quick) echo "$2" ;; tiny) echo "$3" ;; esac
}

# ---- Samples and figures ----

sample() { # NAME VALUE
    echo "$2" >>"$scratch/samples/$1"
}

take() { # [PREFIX]: `name value` lines on stdin become samples
    local name value
    while read -r name value; do
        sample "${1:-}$name" "$value"
    done
}

median() { # NAME: of its samples
    sort -g "$scratch/samples/$1" | awk '{v[NR] = $1} END {print (NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2)}'
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.3f", a / b}'; }

# A figure: the median of SAMPLES, to that of REFERENCE_SAMPLES (`-`: there is none, and the goal is for the figure itself). Both are
# told in words, for the table; GOAL is like `<=1.5`, or `-`. The lines stand together at the scenario's end.
report() { # NAME UNIT SAMPLES REFERENCE_SAMPLES GOAL WHAT REFERENCE_WHAT
    local figure reference=null ratio=null
    figure=$(median "$3")
    if [ "$4" != - ]; then
        reference=$(median "$4")
        ratio=$(ratio "$figure" "$reference")
    fi
    printf 'figure:scenario=%s figure=%s reference=%s ratio=%s goal=%s\n' "$1" "$figure" "${reference/null/-}" "${ratio/null/-}" "$5" \
        >>"$scratch/lines"
    record "$(printf '"name":"%s","unit":"%s","figure":%s,"reference":%s,"ratio":%s,"goal":"%s","what":"%s","reference_what":"%s","figures":[%s],"references":[%s]' \
        "$1" "$2" "$figure" "$reference" "$ratio" "$5" "$6" "${7:-}" "$(paste -sd, "$scratch/samples/$3")" \
        "$([ "$4" = - ] || paste -sd, "$scratch/samples/$4")")"
}

# A point of a plot: the median of SAMPLES at X. Points of one SERIES make a line, with a panel of its own; series named PANEL/LINE share
# one. X_WHAT says what is along the axis.
point() { # SERIES X X_WHAT UNIT SAMPLES
    local y
    y=$(median "$5")
    printf 'a:%s: %s %s: %s %s\n' "$1" "$2" "$3" "$y" "$4" >>"$scratch/lines"
    record "$(printf '"series":"%s","x":%s,"x_what":"%s","unit":"%s","y":%s' "$1" "$2" "$3" "$4" "$y")"
}

measured_commit() { # `-dirty` if the tree differs from it in more than results
    git -C "$root" rev-parse --short HEAD | tr -d '\n'
    git -C "$root" diff --quiet HEAD -- . ':!tests/bench/results' ':!README.md' || printf %s -dirty
}

record() { # MEMBERS
    $record || return 0
    local results=$root/tests/bench/results
    mkdir -p "$results"
    printf '{"scenario":"%s",%s,"quick":%s,"runs":%s,"commit":"%s","cpu":"%s","cores":%s,"kernel":"%s","postgres":"%s","time":"%s"}\n' \
        "$scenario" "$1" "$([ "$size" = full ] && echo false || echo true)" "$runs" "$(measured_commit)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" "$(nproc)" "$(uname -r)" \
        "$("$bin/postgres" --version | awk '{print $3}')" "$started" >>"$results/$scenario.jsonl"
}

# ---- Postgres ----

# A cluster named NAME, with the settings of the workloads; sets $cluster and $conninfo.
new_cluster() { # NAME [SETTING=VALUE …]
    local name=$1
    shift
    cluster=$("$pg" create "$scratch/pg-$name" "shared_buffers=$(sized 1GB 1GB 64MB)" autovacuum=off wal_sender_timeout=0 \
        max_wal_size=16GB "$@")
    conninfo=$("$pg" conninfo "$cluster")
}

remove_cluster() {
    "$pg" remove "$cluster"
}

psql() { # ARGUMENT …, in $cluster
    "$pg" psql "$cluster" "$@"
}

load_followeds() { # USERS [PSQL_ARGUMENT …]
    psql "${@:2}" -v users="$1" -f "$root/tests/bench/lib/followeds.sql" >/dev/null
}

# ---- The program ----

# Starts the program with the config on stdin and waits until PATH is served; sets $sangre_pid and $port.
start_sangre() { # PATH
    launch_sangre
    until curl -sf -o /dev/null "http://127.0.0.1:$port$1"; do
        kill -0 "$sangre_pid" 2>/dev/null || { cat "$scratch/sangre.log" >&2; die "sangre ended"; }
        sleep 0.05
    done
}

write_config() { # what is on stdin, listening at $port
    { echo "listen: 127.0.0.1:$port"; cat; } >"$scratch/config.yaml"
}

launch_sangre() { # without waiting
    port=$(free_port)
    write_config
    "$sangre" run "$scratch/config.yaml" >"$scratch/sangre.log" 2>&1 &
    sangre_pid=$!
}

stop_sangre() {
    kill -TERM "$sangre_pid"
    wait "$sangre_pid" || { cat "$scratch/sangre.log" >&2; die "sangre failed"; }
}

followeds_config() {
    cat <<YAML
sources:
  app: { plugin: postgres, conninfo: "$conninfo" }
views:
  /followeds:
    from: app.users
    params: { user: int }
    get: { id: \$user }
    populate:
      followeds:
        from: app.users
        via: app.users_followeds (user_id -> followed_id)
        populate:
          places: { from: app.places, via: app.users_places (user_id -> place_id) }
YAML
}

# ---- What several scenarios do ----

# Commit to frame, and to pg_recvlogical's first byte, as samples frame_* and feed_*.
latency_run() { # followeds|changes TABLE SAMPLES PAUSE_MS
    mkfifo "$scratch/feed"
    psql -c "CREATE PUBLICATION feed FOR TABLE $2"
    "$bin/pg_recvlogical" -d "$conninfo" -S feed -P pgoutput -o proto_version=1 -o publication_names=feed --create-slot --start \
        --no-loop -f - >"$scratch/feed" 2>/dev/null &
    local feed_pid=$!
    "$drivers/bench-latency" "$1" "$conninfo" "$port" "$3" "$4" "$scratch/feed" >"$scratch/latency"
    take <"$scratch/latency"
    kill "$feed_pid" 2>/dev/null || true # unless it ended with its pipe
    wait "$feed_pid" || true
    rm "$scratch/feed"
    psql -c "SELECT pg_drop_replication_slot('feed')" -c "DROP PUBLICATION feed" >/dev/null
}

# Prints what bench-fanout says of a recording that bench-bare sends again, to clients that only listen, or that have joined something.
bare_server() { # RECORDING CLIENTS bare|joined
    local bare_port
    coproc bare { exec "$drivers/bench-bare" "$1" "$2"; }
    read -r _ bare_port <&"${bare[0]}"
    "$drivers/bench-fanout" "$3" "$bare_port" "$bare_PID" "$2" "$1"
    local pid=$bare_PID
    exec {bare[1]}>&-
    wait "$pid"
}
