# A port for a test whose hub keeps it over several lives. Sourced.
# Gives: free_port, which prints a port that nobody listens on.
free_port() {
    local port
    for _ in $(seq 50); do
        port=$((20000 + RANDOM % 12000)) # below those that the system gives to outgoing connections
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
    return 1
}
