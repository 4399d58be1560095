/* Command line: one table that is parser and help at once. See options.h. */
#include "sim/options.h"

#include "sim/plan.h"

enum { EXIT_USAGE = 2, HUB_MAX = 1024 };

typedef enum option_id {
    HUB,
    KEY_FILE,
    LISTEN,
    SEED,
    ORDERS,
    RATE,
    FAULTS,
    SLOW_MS,
    LEDGER,
    INBOX,
    TIMEOUT_S,
    OPEN_REQUESTS,
    PORT_FILE,
    AUDIT,
    JSON,
    OPTION_COUNT
} option_id;

static const struct {
    const char *name, *argument, *help;
    int64_t min, max; /* of numbers; both 0 for texts and switches */
} table[OPTION_COUNT] = {
    [HUB] = {"hub", "URL", "base URL of the hub, such as http://127.0.0.1:8080", 0, 0},
    [KEY_FILE] = {"key-file", "FILE", "file with the bearer key that may write events", 0, 0},
    [LISTEN] = {"listen", "PORT", "port to receive on at 127.0.0.1; 0 takes any (default)", 0,
                UINT16_MAX},
    [SEED] = {"seed", "N", "what everything random is drawn from (default 1)", 0, INT64_MAX},
    [ORDERS] = {"orders", "N", "purchase orders to play; 0 only receives (default 100)", 0,
                XD_PLAN_MAX_ORDERS},
    [RATE] = {"rate", "N", "events a second; 0 sends as fast as it goes (default)", 0, 1000000},
    [FAULTS] = {"faults", "LEVEL", "none (default), light or heavy: how badly the systems answer",
                0, 0},
    [SLOW_MS] = {"slow-ms", "N", "how long a late answer takes (default 1500)", 0, 60000},
    [LEDGER] = {"ledger", "FILE", "append every arrival to this file as a JSON line", 0, 0},
    [INBOX] = {"inbox", "DIR",
               "keep every message, of any format, as DIR/SYSTEM/DELIVERY-MESSAGE.EXT", 0, 0},
    [TIMEOUT_S] = {"timeout-s", "N", "ends by itself after this long (default 60)", 1, 86400},
    [OPEN_REQUESTS] = {"open-requests", "N",
                       "requests the hub may have open at one system, for the audit (default 16)",
                       1, 100000},
    [PORT_FILE] = {"port-file", "FILE", "write the port received on to this file", 0, 0},
    [AUDIT] = {"audit", NULL, "check at the end that everything arrived, and exit 1 if not", 0, 0},
    [JSON] = {"json", NULL, "only the summary line, nothing for people", 0, 0},
};

static void print_help(void)
{
    printf("crossdock-sim plays the ERP, the warehouse, procurement and finance around a hub:\n"
           "publishes a distributor's days to it, receives what it sends, and audits the outcome.\n"
           "\nusage: crossdock-sim --hub URL [options]\n\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char left[32];
        snprintf(left, sizeof left, "--%s %s", table[i].name,
                 table[i].argument ? table[i].argument : "");
        printf("  %-22s %s\n", left, table[i].help);
    }
    printf("  %-22s %s\n", "--help", "this text");
    printf("\nPrints one JSON summary line on stdout. Exit code: 0 good, 1 not, 2 wrong usage.\n");
}

static int usage(const char *what, const char *which)
{
    fprintf(stderr, "crossdock-sim: %s %s; see crossdock-sim --help\n", what, which);
    return EXIT_USAGE;
}

static bool take_level(const char *value, xd_fault_level *ret)
{
    static const char *const levels[] = {"none", "light", "heavy"};
    for (xd_fault_level level = XD_FAULTS_NONE; level <= XD_FAULTS_HEAVY; level++) {
        if (strcmp(value, levels[level]) == 0) {
            *ret = level;
            return true;
        }
    }
    return false;
}

/* Stores one value; number is set where the table gives a range. */
static bool store(xd_sim_options *o, option_id id, const char *value, int64_t number)
{
    switch (id) {
    case HUB:
        o->hub = value;
        return strncmp(value, "http://", 7) == 0 || strncmp(value, "https://", 8) == 0;
    case KEY_FILE:
        o->key_file = value;
        break;
    case LISTEN:
        o->receiver.port = (uint16_t)number;
        break;
    case SEED:
        o->receiver.seed = (uint64_t)number;
        break;
    case ORDERS:
        o->orders = (uint32_t)number;
        break;
    case RATE:
        o->rate_per_s = (uint32_t)number;
        break;
    case FAULTS:
        return take_level(value, &o->receiver.faults);
    case SLOW_MS:
        o->receiver.slow_ms = (int32_t)number;
        break;
    case LEDGER:
        o->ledger = value;
        break;
    case INBOX:
        o->receiver.inbox = value;
        break;
    case TIMEOUT_S:
        o->timeout_s = (uint32_t)number;
        break;
    case OPEN_REQUESTS:
        o->open_requests = (uint32_t)number;
        break;
    case PORT_FILE:
        o->port_file = value;
        break;
    case AUDIT:
        o->audit = true;
        break;
    default:
        o->json = true;
        break;
    }
    return true;
}

static option_id find(const char *argument)
{
    option_id id = 0;
    while (id < OPTION_COUNT &&
           (strncmp(argument, "--", 2) != 0 || strcmp(argument + 2, table[id].name) != 0)) {
        id++;
    }
    return id;
}

int xd_sim_options_parse(int argc, char **argv, xd_sim_options *ret)
{
    xd_sim_options o = {.receiver = {.seed = 1, .slow_ms = 1500},
                        .orders = 100,
                        .timeout_s = 60,
                        .open_requests = 16};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help();
            return 0;
        }
        option_id id = find(argv[i]);
        if (id == OPTION_COUNT) {
            return usage("does not know", argv[i]);
        }
        const char *value = table[id].argument ? argv[++i] : "";
        int64_t number = 0;
        if (!value) {
            return usage("a value is missing after", argv[i - 1]);
        }
        bool numeric = table[id].max > 0;
        if ((numeric && (!xd_str_to_int64(xd_str_from(value), &number) || number < table[id].min ||
                         number > table[id].max)) ||
            !store(&o, id, value, number)) {
            return usage("cannot use this value:", value);
        }
    }
    if (!o.hub) {
        return usage("needs", "--hub URL");
    }
    if (strlen(o.hub) > HUB_MAX || o.hub[strlen(o.hub) - 1] == '/') {
        return usage("the URL must be short and not end in a slash:", o.hub);
    }
    *ret = o;
    return -1;
}
