#!/bin/bash
# scripts/new-plugin, in a copy of the tree: only the new folders differ, they build without a warning, and their tests pass.
set -euo pipefail
root=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/sangre-new-plugin-XXXXXX")
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

copy() {
    mkdir "$1"
    (cd "$root" && git ls-files -z --cached --others --exclude-standard | xargs -0 -I{} sh -c '[ ! -f "$1" ] || printf "%s\0" "$1"' _ {} |
        tar -c --null -T - 2>/dev/null) | tar -x -C "$1"
}

copy "$work/tree"
cp -r "$work/tree" "$work/before"
for kind in source operator sink; do
    "$work/tree/scripts/new-plugin" "$kind" probe_1
done
if "$work/tree/scripts/new-plugin" sink probe_1 2>/dev/null; then
    fail "a plugin that is there was overwritten"
fi
if "$work/tree/scripts/new-plugin" sink ../probe 2>/dev/null; then
    fail "a name that is none was taken"
fi
changed=$(diff -rq "$work/before" "$work/tree" | sed "s#$work/##g" | sort || true)
expected="Only in tree/operators: probe_1
Only in tree/sinks: probe_1
Only in tree/sources: probe_1"
[ "$changed" = "$expected" ] || fail "other things changed: $changed"
if grep -rn example "$work/tree"/{sources,operators,sinks}/probe_1; then
    fail "the template's name is left"
fi

cmake -G Ninja -S "$work/tree" -B "$work/build" -DSANGRE_WERROR=ON -DCMAKE_BUILD_TYPE=Debug >/dev/null
targets=()
for kind in source operator sink; do
    targets+=("sangre-$kind-probe_1" "unit-$kind-probe_1-test_probe_1")
done
ninja -C "$work/build" --quiet "${targets[@]}"
ctest --test-dir "$work/build" -R 'probe_1' --output-on-failure --no-tests=error | tee "$work/result"
grep -q '100% tests passed, 0 tests failed out of 3' "$work/result" || fail "not all three tests ran"
