# What the end-to-end tests share. Sourced by them with $1 = the build folder.
# Gives: $crossdock, $scratch (removed at the end), start_hub, stop_hub, expect, expect_code.
set -eu
crossdock=$1/crossdock
scratch=$(mktemp -d "${TMPDIR:-/tmp}/crossdock-e2e.XXXXXX")
hub_pid=

finish() {
    code=$?
    trap - EXIT
    if [ "$code" -ne 0 ] && [ -f "$scratch/hub.log" ]; then
        tail -n 20 "$scratch/hub.log" >&2
    fi
    stop_hub
    rm -rf "$scratch"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

# start_hub FOLDER: runs the hub and waits until it is ready; $port is where it listens. The
# project should listen on port 0.
start_hub() {
    : >"$scratch/hub.log"
    "$crossdock" -C "$1" run 2>>"$scratch/hub.log" &
    hub_pid=$!
    tries=100
    until port=$(sed -n 's/.*"event":"hub.ready".*"port":\([0-9]*\).*/\1/p' "$scratch/hub.log") &&
        [ -n "$port" ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] && kill -0 "$hub_pid" || { echo "the hub did not start" >&2; exit 1; }
        sleep 0.05
    done
}

# Stops the hub as an operator would; its exit code is checked.
stop_hub() {
    if [ -n "$hub_pid" ]; then
        kill "$hub_pid" 2>/dev/null || true
        answer=0
        wait "$hub_pid" || answer=$?
        hub_pid=
        [ "$answer" -eq 0 ] || { echo "the hub ended with $answer" >&2; return 1; }
    fi
}

# expect TEXT COMMAND...: the command succeeds and prints TEXT somewhere.
expect() {
    wanted=$1
    shift
    output=$("$@" 2>&1) || { printf 'failed: %s\n%s\n' "$*" "$output" >&2; exit 1; }
    case $output in
    *"$wanted"*) ;;
    *) printf 'expected "%s" from: %s\ngot: %s\n' "$wanted" "$*" "$output" >&2; exit 1 ;;
    esac
}

# expect_code CODE TEXT COMMAND...: the command ends with this exit code and prints TEXT somewhere.
expect_code() {
    code=$1
    wanted=$2
    shift 2
    answer=0
    output=$("$@" 2>&1) || answer=$?
    case $answer:$output in
    "$code":*"$wanted"*) ;;
    *) printf 'expected %s and "%s" from: %s\ngot: %s and %s\n' "$code" "$wanted" "$*" "$answer" "$output" >&2; exit 1 ;;
    esac
}
