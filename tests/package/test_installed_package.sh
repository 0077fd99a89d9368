#!/bin/bash
# Installs the build into a temporary prefix, builds the out-of-tree sample against it, and has the installed program load and run it.
set -euo pipefail
root=$1 build=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/sangre-package-XXXXXX")
program=
finish() {
    [ -z "$program" ] || kill "$program" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

cmake --install "$build" --prefix "$work/prefix" >/dev/null
prefix=$work/prefix
[ -x "$prefix/bin/sangre" ] || fail "the program is not installed"
plugins=$(dirname "$(find "$prefix" -name 'sangre-operator-lua.so')")
[ -n "$plugins" ] || fail "plugins are not installed"

# The sample sees nothing but the prefix. The same sanitizers, or its plugins could not be loaded into the same process.
flags=$(sed -n 's/^SANGRE_SANITIZE:STRING=//p' "$build/CMakeCache.txt")
case $flags in
address) flags=-fsanitize=address,undefined ;;
thread) flags=-fsanitize=thread ;;
esac
cp -r "$root/plugins/sample" "$work/sample"
cmake -G Ninja -S "$work/sample" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_FLAGS="$flags" >/dev/null
ninja -C "$work/build" --quiet

# pkg-config says the same.
export PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name sangre.pc)")
printf '#include <sangre/sangre.h>\nint main(void) { return sgr_version()[0] == 0; }\n' >"$work/embed.c"
cc $flags "$work/embed.c" $(pkg-config --cflags --libs sangre) -Wl,-rpath,"$(pkg-config --variable=libdir sangre)" -o "$work/embed"
"$work/embed" || fail "a program linked with libsangre does not run"

# Every public header compiles alone.
for header in "$prefix"/include/sangre/*.h; do
    echo "#include <sangre/$(basename "$header")>" | cc -std=c11 -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags sangre) -x c - ||
        fail "$(basename "$header") does not compile alone"
done

"$prefix/bin/sangre" plugins --plugin-dir "$work/build" --plugin-dir "$plugins" >"$work/list"
for plugin in clock mask size postgres lua; do
    grep -qw "$plugin" "$work/list" || fail "plugin $plugin is not listed: $(cat "$work/list")"
done

grep -qw "preset *supabase" "$work/list" || fail "the preset is not listed: $(cat "$work/list")"
"$prefix/bin/sangre" supabase >"$work/log" 2>&1 && fail "the preset runs without its secret"
grep -q "JWT_SECRET is not set" "$work/log" || fail "the preset does not run: $(cat "$work/log")"

port=$(. "$root/scripts/lib/common.sh" && free_port)
"$prefix/bin/sangre" run "$work/sample/sample.yaml" --port "$port" --plugin-dir "$work/build" --plugin-dir "$plugins" >"$work/log" 2>&1 &
program=$!
until curl -sf "http://127.0.0.1:$port/users" >"$work/users"; do
    kill -0 "$program" 2>/dev/null || fail "the program ended: $(cat "$work/log")"
    sleep 0.1 # ctest's time limit ends this
done
grep -q 'an\*\*\*' "$work/users" || fail "the sample operator did not run: $(cat "$work/users" "$work/log")"
[ "$(curl -sf "http://127.0.0.1:$port/size/users")" = "$(wc -c <"$work/users")" ] || fail "the sample sink did not answer"
curl -sf "http://127.0.0.1:$port/now" | grep -q seconds || fail "the sample source gave no row"
kill -TERM "$program"
wait "$program" || fail "the program ended with code $?"
program=
