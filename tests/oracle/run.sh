#!/bin/sh
# run.sh NODE PROGRAM PLUGINS: the oracle as ctest runs it.
exec "$1" "$(dirname "$0")/oracle.mjs" --sangre "$2" --plugins "$3" --seconds "${SANGRE_ORACLE_SECONDS:-15}" ${SANGRE_SEED:+--seed "$SANGRE_SEED"}
