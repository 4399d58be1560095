# shellcheck shell=bash
# Sourced by the runners here, after the peers' lib.sh: the hub as one more peer. Needs PEERPORT.
# lib.sh gives need_*, log, wait_port, kill9_tree, WORK, DATA, SINK and PIDS.
CROSSDOCK="${CROSSDOCK:-$ROOT/build/crossdock}"
HUB="$WORK/crossdock-$PEERPORT"
PIPELINE="${PIPELINE:-10}" # requests on a connection, docs/outbound.md; 1: one after another

hub_build() {
    [ -x "$CROSSDOCK" ] || make -C "$ROOT" build >&2
}

hub_config() {
    mkdir -p "$HUB"
    cat >"$HUB/crossdock.yaml" <<YAML
hub:
  listen: 127.0.0.1:$PEERPORT
  open_loopback: true # the peers' senders carry no key
flow:
  currency: USD
$1
YAML
}

# The three systems of W2, keyed as every other peer keys them.
hub_systems() {
    local row name path message
    echo 'systems:'
    for row in 'erp inventory /erp/inventory' \
        'procurement receipt_status /procurement/receipt-status' 'finance journal /finance/journals'; do
        read -r name message path <<<"$row"
        cat <<YAML
  $name:
    url: $SINK
    receives: [$message]
    paths: {$message: $path}
    idempotency_key: "{id}"
    concurrency: 64
    pipeline: $PIPELINE
YAML
    done
}

hub_up() {
    "$CROSSDOCK" -C "$HUB" run 2>>"$WORK/crossdock.log" &
    PIDS+=($!)
    wait_port "$PEERPORT"
}

# A data folder with the purchase orders in it, made once.
hub_seed() {
    local piece
    rm -rf "$HUB/data" "$HUB/seed" "$WORK"/orders.*
    PIDS=()
    hub_up || return 1
    sed -e 's/^{"po":"\([^"]*\)"/{"specversion":"1.0","id":"\1","source":"urn:erp","type":"crossdock.purchase_order.v1","data":{"po":"\1"/' \
        -e 's/$/}/' "$DATA/purchase-orders.ndjson" | split -l 2000 - "$WORK/orders."
    for piece in "$WORK"/orders.*; do
        curl -sS --fail-with-body -H 'Content-Type: application/x-ndjson' --data-binary "@$piece" \
            "http://127.0.0.1:$PEERPORT/v1/events" | grep -q '"refused":0[,}]' || {
            log "the hub refused purchase orders"
            return 1
        }
    done
    stop_tree "${PIDS[@]}"
    PIDS=()
    rm -f "$WORK"/orders.*
    mv "$HUB/data" "$HUB/seed"
}

hub_clean() {
    rm -rf "$HUB/data"
    cp -r "$HUB/seed" "$HUB/data"
}
