#!/bin/bash
# guard.sh OWNER FOLDER: waits for the process OWNER to end, however it does, then ends what it left running and deletes FOLDER.
#
# A test starts one for itself, as nothing it could do helps against SIGKILL. What it started is known by SANGRE_OWNER=OWNER in its
# environment. A test that ends by itself has stopped and deleted all of that already; then there is nothing to do here.
set -u
. "$(dirname "$0")/../../scripts/lib/common.sh"
owner=$1 folder=$2
tail --pid="$owner" -f /dev/null
kill_marked "SANGRE_OWNER=$owner"
rm -rf "$folder"
