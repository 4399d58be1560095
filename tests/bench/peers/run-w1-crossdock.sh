#!/bin/bash
# W1, durable accept, for the hub: the same sender, data and measure as the peers. It validates,
# stores and also runs the flow of every receipt, where the peers only store.
ROOT="$(cd "$(dirname "$0")/../../.." && pwd)"
. "${CROSSDOCK_PEERS:-$ROOT/../shared/peers}/lib.sh" || exit 1
PEERPORT=18096
. "$ROOT/tests/bench/peers/hub.sh"
tools
hub_build && hub_config '' && hub_seed && hub_clean && hub_up || exit 1
# shellcheck disable=SC2034 # for lib.sh
ACCT=("${PIDS[@]}")
stored() { sqlite3 -readonly "$HUB/data/crossdock.db" 'select count(*) from log'; }
# The hub's door is /v1/events.
wrk() { command wrk "${@/:$PEERPORT\/receipts/:$PEERPORT\/v1\/events}"; }
w1 crossdock "$PEERPORT" "validated, SQLite WAL + synchronous FULL, group commit; every event stepped within the run"
stop_tree "${PIDS[@]}"
PIDS=()
rm -rf "$HUB"
