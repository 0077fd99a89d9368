#!/bin/sh
# run.sh NODE PROGRAM PLUGINS [--feed …]: the oracle as ctest runs it.
node=$1 program=$2 plugins=$3
shift 3
exec "$node" "$(dirname "$0")/oracle.mjs" --sangre "$program" --plugins "$plugins" --seconds "${SANGRE_ORACLE_SECONDS:-15}" ${SANGRE_SEED:+--seed "$SANGRE_SEED"} "$@"
