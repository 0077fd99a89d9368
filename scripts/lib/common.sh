# Shared by the scripts in this folder; sourced, never run. Sets $root, the project's folder.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "${0##*/}: $*"
    exit 1
}

# Prints the comment at the head of the script that called it: its help text.
help_text() {
    sed -n '2,/^[^#]/{/^#/{s/^# \{0,1\}//;p}}' "$0"
}

# A folder that goes away with the script. Clusters of another user live in it, so that user must be able to enter it.
make_scratch() {
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/sangre-$1.XXXXXX")
    chmod 755 "$scratch"
}

# A free port of the loopback address: one of those given, or any. It is below those that outgoing connections take, so that none of these is in the
# way by the time it is used.
free_port() { # [PORT …]
    python3 - "$@" <<'PYTHON'
import random, socket, sys
for port in [int(p) for p in sys.argv[1:]] + random.sample(range(15000, 30000), 100):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(port)
        break
PYTHON
}

# Marks all processes started from here on; kill_marked ends those that are still there, also those that left the process group.
# A cluster's postmaster does that, so the group alone would miss it.
mark_processes() {
    export SANGRE_MARK="$$-$RANDOM$RANDOM"
}

marked_processes() { # [NAME=VALUE]: those with this in their environment instead
    local folder pid
    for folder in /proc/[0-9]*; do
        pid=${folder#/proc/}
        [ "$pid" != "$$" ] && [ "$pid" != "$BASHPID" ] || continue
        if { tr '\0' '\n' <"$folder/environ"; } 2>/dev/null | grep -qxF "${1:-SANGRE_MARK=$SANGRE_MARK}"; then
            printf '%s\n' "$pid"
        fi
    done
}

kill_marked() { # [NAME=VALUE]
    [ -n "${1:-${SANGRE_MARK:-}}" ] || return 0
    local signal pid
    for signal in TERM KILL; do
        for pid in $(marked_processes "$@"); do
            kill "-$signal" "$pid" 2>/dev/null || true
        done
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            [ -n "$(marked_processes "$@")" ] || return 0
            sleep 0.1
        done
    done
}
