#!/bin/bash
# W1, durable accept, for the hub: the same sender, data and measure as the peers. It validates,
# stores and also runs the flow of the receipts, where the peers only store: of some during the run, of
# the rest after it; how many, and how long that took, is told on standard error.
ROOT="$(cd "$(dirname "$0")/../../.." && pwd)"
. "${CROSSDOCK_PEERS:-$ROOT/../shared/peers}/lib.sh" || exit 1
PEERPORT=18096
. "$ROOT/tests/bench/peers/hub.sh"
tools
hub_build && hub_config '' && hub_seed && hub_clean && hub_up || exit 1
# shellcheck disable=SC2034 # for lib.sh
ACCT=("${PIDS[@]}")
stored() { sqlite3 -readonly "$HUB/data/crossdock-log.db" 'select count(*) from log'; }
waiting() {
    curl -s --unix-socket "$HUB/data/control.sock" http://hub/metrics | awk '$1 == "crossdock_engine_backlog" { print $2 }'
}
# The hub's door is /v1/events.
wrk() { command wrk "${@/:$PEERPORT\/receipts/:$PEERPORT\/v1\/events}"; }
w1 crossdock "$PEERPORT" "validated, SQLite WAL + synchronous FULL, group commit; steps what it can meanwhile"
left=$(waiting)
begun=$(date +%s%N)
for _ in $(seq 1 300); do
    [ "$(waiting)" = 0 ] && break
    sleep 0.2
done
log "not stepped at the end of the last run: $left events; $((($(date +%s%N) - begun) / 1000000)) ms later: $(waiting)"
stop_tree "${PIDS[@]}"
PIDS=()
rm -rf "$HUB"
