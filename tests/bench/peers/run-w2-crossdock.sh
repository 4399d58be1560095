#!/bin/bash
# W2, end to end, for the hub: normal, kill -9 at half, and a sink with faults, with the peers' own
# senders, sink and measure. kill -9 takes the whole hub, store included.
ROOT="$(cd "$(dirname "$0")/../../.." && pwd)"
. "${CROSSDOCK_PEERS:-$ROOT/../shared/peers}/lib.sh" || exit 1
PEERPORT=18097
. "$ROOT/tests/bench/peers/hub.sh"
tools
hub_build && hub_config "$(hub_systems)" && hub_seed || exit 1
# shellcheck disable=SC2034 # for lib.sh
W2PORT=$PEERPORT
# shellcheck disable=SC2034
W2PATH=/v1/events
peer_clean() { hub_clean; }
peer_up() { hub_up; }
peer_kill9() { kill9_tree "${PIDS[@]}"; }
w2 crossdock "${1:-w2-20k}" "one process, SQLite, three systems with 64 requests under way each, $PIPELINE to a connection"
rm -rf "$HUB"
