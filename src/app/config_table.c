/* The one table of settings: each row is parser, default, check, manual and editor schema. A new
 * setting is a new row here and, when it is more than a value, a cross check in config.c. */
#include "app/config_int.h"

#define DRAFT(member) .offset = offsetof(xd_config_draft, member)
#define REMOTE(member) .offset = offsetof(xd_config_system, remote.member)
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }

enum {
    NAME_MAX_BYTES = 64,
    CONTENT_TYPE_MAX_BYTES = 100,
    TEXT_MAX_BYTES = 256,
    PATH_MAX_BYTES = 1024,
    EXPRESSION_MAX_BYTES = 4096
};

static const xd_config_field limit_fields[] = {
    {.name = "max_connections",
     .type = XD_CONFIG_INTEGER,
     .fallback = "1024",
     .min = 1,
     .max = 65536,
     .doc = "Open client connections. Past it new ones are closed at once; when three quarters are "
            "taken, so are those that send nothing for a second.",
     .store = XD_CONFIG_AS_U32,
     DRAFT(ingress.max_connections)},
    {.name = "max_per_address",
     .type = XD_CONFIG_INTEGER,
     .fallback = "0",
     .min = 0,
     .max = 65536,
     .doc = "Open connections from one client address; 0 means no limit of its own.",
     .store = XD_CONFIG_AS_U32,
     DRAFT(ingress.max_per_address)},
    {.name = "idle_timeout_s",
     .type = XD_CONFIG_INTEGER,
     .fallback = "30",
     .min = 1,
     .max = 3600,
     .unit = "seconds",
     .doc = "A client that is silent or slower than this is disconnected.",
     .store = XD_CONFIG_AS_U32,
     DRAFT(ingress.idle_timeout_s)},
    {.name = "max_body_bytes",
     .type = XD_CONFIG_BYTES,
     .fallback = "8MiB",
     .min = 1024,
     .max = 1 << 30,
     .unit = "bytes",
     .doc = "One request body. Larger ones get 413.",
     .store = XD_CONFIG_AS_SIZE,
     DRAFT(ingress.max_body_bytes)},
    {.name = "max_event_bytes",
     .type = XD_CONFIG_BYTES,
     .fallback = "1MiB",
     .min = 1024,
     .max = 256 << 20,
     .unit = "bytes",
     .doc = "One event. May not exceed max_body_bytes.",
     .store = XD_CONFIG_AS_SIZE,
     DRAFT(ingress.max_event_bytes)},
    {.name = "max_batch",
     .type = XD_CONFIG_INTEGER,
     .fallback = "10000",
     .min = 1,
     .max = 1000000,
     .unit = "events",
     .doc = "Events in one request.",
     .store = XD_CONFIG_AS_U32,
     DRAFT(ingress.max_batch)},
    {.name = "max_depth",
     .type = XD_CONFIG_INTEGER,
     .fallback = "32",
     .min = 4,
     .max = 512,
     .unit = "levels",
     .doc = "Nesting of a JSON document.",
     .store = XD_CONFIG_AS_U32,
     DRAFT(ingress.max_depth)},
    {.name = "max_inflight_bytes",
     .type = XD_CONFIG_BYTES,
     .fallback = "64MiB",
     .min = 1 << 20,
     .max = (int64_t)64 << 30,
     .unit = "bytes",
     .doc = "Request bodies being read or processed at one time; the last quarter is for those up "
            "to 16 KiB. Past it clients get 503 with Retry-After.",
     .store = XD_CONFIG_AS_SIZE,
     DRAFT(ingress.max_inflight_bytes)},
    END};

static const xd_config_section limits_section = {
    "hub.limits", "What one client, or all of them, may ask of the hub at one time.", limit_fields};

static const xd_config_field hub_fields[] = {
    {.name = "name",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_NAME,
     .fallback = "hub",
     .max = NAME_MAX_BYTES,
     .doc = "Name of this hub, shown in its status and metrics.",
     .store = XD_CONFIG_AS_TEXT,
     DRAFT(name)},
    {.name = "data",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_PATH,
     .fallback = "data",
     .max = PATH_MAX_BYTES,
     .doc = "Data folder, relative to the project folder. Holds crossdock.db; back up this folder.",
     .store = XD_CONFIG_AS_TEXT,
     DRAFT(data)},
    {.name = "listen",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_ADDRESS,
     .fallback = "127.0.0.1:8080",
     .max = TEXT_MAX_BYTES,
     .doc = "Where the HTTP API listens. Port 0 takes any free port.",
     .store = XD_CONFIG_AS_TEXT,
     DRAFT(listen)},
    {.name = "control",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_PATH,
     .max = PATH_MAX_BYTES,
     .doc = "Unix socket through which the command line reaches the running hub, relative to the "
            "project folder. Only the owner may open it. Default: control.sock in the data folder.",
     .store = XD_CONFIG_AS_TEXT,
     DRAFT(control)},
    {.name = "threads",
     .type = XD_CONFIG_INTEGER,
     .fallback = "1",
     .min = 1,
     .max = 64,
     .doc = "HTTP threads. One is fastest on two cores; more help when documents are large.",
     .store = XD_CONFIG_AS_U32,
     DRAFT(ingress.threads)},
    {.name = "open_loopback",
     .type = XD_CONFIG_BOOLEAN,
     .fallback = "false",
     .doc = "Programs on this machine may send events without a key. Only with a loopback address "
            "in listen; reading and deciding need a key all the same.",
     .store = XD_CONFIG_AS_BOOL,
     DRAFT(ingress.open_loopback)},
    {.name = "drain_ms",
     .type = XD_CONFIG_INTEGER,
     .fallback = "5000",
     .min = 0,
     .max = 600000,
     .unit = "milliseconds",
     .doc = "How long a stop waits for requests and deliveries under way.",
     .store = XD_CONFIG_AS_I32,
     DRAFT(drain_ms)},
    {.name = "limits",
     .type = XD_CONFIG_SECTION,
     .section = &limits_section,
     .doc = "Limits on clients."},
    END};

static const xd_config_section hub_section = {
    "hub", "The hub itself: its name, its data and its front door.", hub_fields};

static const xd_config_field engine_fields[] = {
    {.name = "queue_max",
     .type = XD_CONFIG_INTEGER,
     .fallback = "4096",
     .min = 1,
     .max = 1000000,
     .unit = "requests",
     .doc = "Requests waiting for the log. Past it clients get 503 with Retry-After.",
     .store = XD_CONFIG_AS_U32,
     DRAFT(engine.queue_max)},
    {.name = "queue_max_bytes",
     .type = XD_CONFIG_BYTES,
     .fallback = "64MiB",
     .min = 1 << 20,
     .max = (int64_t)64 << 30,
     .unit = "bytes",
     .doc = "The same, in bytes.",
     .store = XD_CONFIG_AS_SIZE,
     DRAFT(engine.queue_max_bytes)},
    {.name = "backlog_max",
     .type = XD_CONFIG_INTEGER,
     .fallback = "1000000",
     .min = 1000,
     .max = 1000000000,
     .unit = "events",
     .doc = "Events in the log that no flow has seen yet. Past it clients get 503.",
     .store = XD_CONFIG_AS_I64,
     DRAFT(engine.backlog_max)},
    {.name = "batch_max",
     .type = XD_CONFIG_INTEGER,
     .fallback = "1024",
     .min = 1,
     .max = 65536,
     .unit = "events",
     .doc = "Events written to the log in one transaction.",
     .store = XD_CONFIG_AS_U32,
     DRAFT(engine.batch_max)},
    {.name = "flush_rows",
     .type = XD_CONFIG_INTEGER,
     .fallback = "8000",
     .min = 1,
     .max = 1000000,
     .unit = "rows",
     .doc = "Changed state documents that force a write of state.",
     .store = XD_CONFIG_AS_U32,
     DRAFT(engine.flush_rows)},
    {.name = "flush_ms",
     .type = XD_CONFIG_INTEGER,
     .fallback = "100",
     .min = 0,
     .max = 10000,
     .unit = "milliseconds",
     .doc = "How long a change of state may wait for its write. Nothing is lost meanwhile: the log "
            "is already on disk.",
     .store = XD_CONFIG_AS_I32,
     DRAFT(engine.flush_ms)},
    {.name = "cache_bytes",
     .type = XD_CONFIG_BYTES,
     .fallback = "24MiB",
     .min = 1 << 20,
     .max = (int64_t)64 << 30,
     .unit = "bytes",
     .doc = "Unchanged state documents kept in memory.",
     .store = XD_CONFIG_AS_SIZE,
     DRAFT(engine.cache_bytes)},
    END};

static const xd_config_section engine_section = {
    "engine", "The engine's queue, batches and memory. The defaults suit most hubs.",
    engine_fields};

static const xd_config_field intake_fields[] = {
    {.name = "poll_ms",
     .type = XD_CONFIG_INTEGER,
     .fallback = "500",
     .min = 10,
     .max = 3600000,
     .unit = "milliseconds",
     .doc = "Between two looks at the watched folders.",
     .store = XD_CONFIG_AS_I32,
     DRAFT(intake.poll_ms)},
    {.name = "settle_ms",
     .type = XD_CONFIG_INTEGER,
     .fallback = "1000",
     .min = -1,
     .max = 3600000,
     .unit = "milliseconds",
     .doc = "A file is complete when nobody has written to it for so long; -1: at once, for files "
            "that are renamed in.",
     .store = XD_CONFIG_AS_I32,
     DRAFT(intake.settle_ms)},
    {.name = "max_file_bytes",
     .type = XD_CONFIG_BYTES,
     .fallback = "8MiB",
     .min = 1024,
     .max = 1 << 30,
     .unit = "bytes",
     .doc = "A file that is read whole: .json, and with a map XML, JSON and fixed width. Files of "
            "lines (NDJSON, CSV) may have any size.",
     .store = XD_CONFIG_AS_SIZE,
     DRAFT(intake.max_file_bytes)},
    END};

static const xd_config_section intake_section = {
    "intake", "How the watched folders of sources are read.", intake_fields};

static const xd_config_field outbound_fields[] = {
    {.name = "memory_bytes",
     .type = XD_CONFIG_BYTES,
     .fallback = "20MiB",
     .min = 1 << 20,
     .max = (int64_t)64 << 30,
     .unit = "bytes",
     .doc = "Message bodies kept in memory; those beyond it are read from the log again.",
     .store = XD_CONFIG_AS_SIZE,
     DRAFT(outbound.memory_bytes)},
    {.name = "max_entries",
     .type = XD_CONFIG_INTEGER,
     .fallback = "200000",
     .min = 1000,
     .max = 100000000,
     .unit = "deliveries",
     .doc = "Unfinished deliveries tracked in memory.",
     .store = XD_CONFIG_AS_U32,
     DRAFT(outbound.max_entries)},
    END};

static const xd_config_section outbound_section = {
    "outbound", "Memory of the delivery side, for all systems together.", outbound_fields};

static const char *const scope_names[] = {"events:write", "read", "decide", "metrics", NULL};
static const uint32_t scope_bits[] = {XD_SCOPE_EVENTS_WRITE, XD_SCOPE_READ, XD_SCOPE_DECIDE,
                                      XD_SCOPE_METRICS};
const xd_config_choices xd_config_scopes = {scope_names, scope_bits};

static const xd_config_field key_fields[] = {
    {.name = "person",
     .type = XD_CONFIG_TEXT,
     .max = NAME_MAX_BYTES,
     .fallback = "",
     .doc = "The person who uses this key; decides who may release which hold. Empty for systems.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_key, person)},
    {.name = "scopes",
     .type = XD_CONFIG_CHOICES,
     .choices = &xd_config_scopes,
     .required = true,
     .doc = "What the key may do: send events, read, decide (release holds, retry or drop dead "
            "letters), read metrics.",
     .store = XD_CONFIG_AS_BITS,
     .offset = offsetof(xd_config_key, scopes)},
    {.name = "hash",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_HASH,
     .max = TEXT_MAX_BYTES,
     .doc = "SHA-256 of the secret, as `crossdock key new` prints it.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_key, hash)},
    {.name = "secret_env",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_ENVIRONMENT,
     .max = TEXT_MAX_BYTES,
     .doc = "Instead of hash: environment variable that holds the secret.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_key, secret.env)},
    {.name = "secret_file",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_PATH,
     .max = PATH_MAX_BYTES,
     .doc = "Instead of hash: file that holds the secret, relative to the project folder.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_key, secret.file)},
    END};

static const xd_config_section key_section = {
    "keys.NAME",
    "Bearer keys of callers. Exactly one of hash, secret_env and secret_file says which secret; "
    "the secret itself never stands in this file.",
    key_fields};

static const xd_config_field source_fields[] = {
    {.name = "folder",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_PATH,
     .max = PATH_MAX_BYTES,
     .doc = "Watched folder, relative to the project folder. Files that were read move to done/ or "
            "failed/ in it. A source without a map needs one.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_source, folder)},
    {.name = "pattern",
     .type = XD_CONFIG_TEXT,
     .max = TEXT_MAX_BYTES,
     .doc = "Names of files to take, as in a shell. Default: names that end in .json, .ndjson or "
            ".jsonl; with a map, every name.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_source, pattern)},
    {.name = "map",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_NAME,
     .max = NAME_MAX_BYTES,
     .doc = "The map (a name under maps, with to) that makes documents of what comes, in its "
            "folder, by POST /v1/sources/NAME and by crossdock import --source NAME; "
            "docs/sources.md. Without one the files hold events.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_source, map)},
    END};

static const xd_config_section source_section = {
    "sources.NAME",
    "Where documents come from: systems whose own words are mapped, and folders that are watched.",
    source_fields};

static const xd_config_field map_fields[] = {
    {.name = "file",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_PATH,
     .required = true,
     .max = PATH_MAX_BYTES,
     .doc = "The map (JSONata), relative to the project folder.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_map, file)},
    {.name = "to",
     .type = XD_CONFIG_TEXT,
     .max = NAME_MAX_BYTES,
     .doc = "Of a map of what comes in: kind of document that it makes, such as goods_receipt; "
            "`crossdock schema` lists them. A map has either to or from.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_map, to)},
    {.name = "from",
     .type = XD_CONFIG_TEXT,
     .max = NAME_MAX_BYTES,
     .doc = "Of a map of what goes out: the message whose body it takes, such as journal, or any. "
            "It is used where a system names it under maps.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_map, from)},
    {.name = "layout",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_PATH,
     .max = PATH_MAX_BYTES,
     .doc =
         "Layout (JSON or YAML) by which files become the records that it maps, or what it makes "
         "becomes the body that goes out, relative to the project folder; without one they are "
         "JSON. docs/formats.md explains layouts.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_map, layout_file)},
    {.name = "content_type",
     .type = XD_CONFIG_TEXT,
     .max = CONTENT_TYPE_MAX_BYTES,
     .doc = "Of a map of what goes out: Content-Type header of its bodies, where the system wants "
            "another than the layout's own (docs/outbound.md).",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_map, content_type)},
    {.name = "soap_action",
     .type = XD_CONFIG_TEXT,
     .max = TEXT_MAX_BYTES,
     .doc = "Of a map of what goes out by a layout with soap: the action (a URI) that its messages "
            "ask for. SOAP 1.1: the SOAPAction header; 1.2: action of the Content-Type.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_map, soap_action)},
    {.name = "by",
     .type = XD_CONFIG_TEXT,
     .max = EXPRESSION_MAX_BYTES,
     .doc = "Of a map of what comes in: expression over a record; neighbouring records for which "
            "it gives the same are mapped together, as an array. Default: each by itself.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_map, by)},
    {.name = "time",
     .type = XD_CONFIG_TEXT,
     .max = EXPRESSION_MAX_BYTES,
     .doc = "Of a map of what comes in: expression over what is mapped that gives its business "
            "time, a date or an instant; codes are those in force then. Default: when it came.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_map, time)},
    END};

static const xd_config_section map_section = {
    "maps.NAME",
    "Maps from the words of a system to documents, and from messages to the words of a system. A "
    "changed map is an event in the log; what was mapped keeps the version it was mapped by.",
    map_fields};

#define MESSAGE_PATH(number, message_name, words)                                                  \
    {                                                                                              \
        .name = message_name, .type = XD_CONFIG_TEXT, .format = XD_CONFIG_URL_PATH,                \
        .max = TEXT_MAX_BYTES, .doc = words, .store = XD_CONFIG_AS_TEXT, REMOTE(paths[number])     \
    }

static const xd_config_field path_fields[] = {
    MESSAGE_PATH(XD_MESSAGE_INVENTORY, "inventory", "Default: /inventory."),
    MESSAGE_PATH(XD_MESSAGE_RECEIPT_STATUS, "receipt_status", "Default: /receipt-status."),
    MESSAGE_PATH(XD_MESSAGE_JOURNAL, "journal", "Default: /journal."),
    MESSAGE_PATH(XD_MESSAGE_ORDER, "order", "Default: /order."),
    MESSAGE_PATH(XD_MESSAGE_ORDER_STATUS, "order_status", "Default: /order-status."),
    MESSAGE_PATH(XD_MESSAGE_INVOICE_STATUS, "invoice_status", "Default: /invoice-status."),
    MESSAGE_PATH(XD_MESSAGE_MASTER, "master", "Default: /master."),
    END};

static const xd_config_section path_section = {
    "systems.NAME.paths", "Where each message is posted, appended to url.", path_fields};

#define MESSAGE_MAP(number, message_name, words)                                                   \
    {                                                                                              \
        .name = message_name, .type = XD_CONFIG_TEXT, .format = XD_CONFIG_NAME,                    \
        .max = NAME_MAX_BYTES, .doc = words, .store = XD_CONFIG_AS_TEXT,                           \
        .offset = offsetof(xd_config_system, maps[number])                                         \
    }

static const xd_config_field system_map_fields[] = {
    MESSAGE_MAP(XD_MESSAGE_NONE, "any", "Every message that is not named here."),
    MESSAGE_MAP(XD_MESSAGE_INVENTORY, "inventory", "Goods movements."),
    MESSAGE_MAP(XD_MESSAGE_RECEIPT_STATUS, "receipt_status", "Status of receipts."),
    MESSAGE_MAP(XD_MESSAGE_JOURNAL, "journal", "Journal entries."),
    MESSAGE_MAP(XD_MESSAGE_ORDER, "order", "Orders and their changes."),
    MESSAGE_MAP(XD_MESSAGE_ORDER_STATUS, "order_status", "Decisions on changes."),
    MESSAGE_MAP(XD_MESSAGE_INVOICE_STATUS, "invoice_status", "Status of invoices."),
    MESSAGE_MAP(XD_MESSAGE_MASTER, "master", "Master data."),
    END};

static const xd_config_section system_map_section = {
    "systems.NAME.maps",
    "By message, the map (a name under maps, with from) that makes its body; a message without one "
    "goes out as docs/messages.md shows it. Part of the flow definition.",
    system_map_fields};

static const xd_config_field authorization_fields[] = {
    {.name = "secret_env",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_ENVIRONMENT,
     .max = TEXT_MAX_BYTES,
     .doc = "Environment variable that holds the header's value.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_system, authorization.env)},
    {.name = "secret_file",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_PATH,
     .max = PATH_MAX_BYTES,
     .doc = "File that holds the header's value, relative to the project folder.",
     .store = XD_CONFIG_AS_TEXT,
     .offset = offsetof(xd_config_system, authorization.file)},
    END};

static const xd_config_section authorization_section = {
    "systems.NAME.authorization",
    "The whole value of the Authorization header (\"Bearer ...\"), by reference: one of the two.",
    authorization_fields};

static const char *const message_names[] = {"inventory",    "receipt_status", "journal", "order",
                                            "order_status", "invoice_status", "master",  NULL};
static const xd_config_choices messages = {message_names, NULL};

static const xd_config_field system_fields[] = {
    {.name = "url",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_URL,
     .required = true,
     .max = PATH_MAX_BYTES,
     .doc = "Base address, such as https://erp.example.com/api.",
     .store = XD_CONFIG_AS_TEXT,
     REMOTE(url)},
    {.name = "receives",
     .type = XD_CONFIG_CHOICES,
     .choices = &messages,
     .required = true,
     .doc = "Messages that the hub sends to this system. Part of the flow definition."},
    {.name = "paths",
     .type = XD_CONFIG_SECTION,
     .section = &path_section,
     .doc = "Addresses per message."},
    {.name = "maps",
     .type = XD_CONFIG_SECTION,
     .section = &system_map_section,
     .doc = "Maps per message, for a system that wants a format of its own."},
    {.name = "authorization",
     .type = XD_CONFIG_SECTION,
     .section = &authorization_section,
     .doc = "How the hub proves itself to this system."},
    {.name = "idempotency_key",
     .type = XD_CONFIG_TEXT,
     .max = TEXT_MAX_BYTES,
     .fallback = "cd-{source}/{id}/{index}",
     .doc = "Idempotency-Key header of a delivery; {source}, {id}, {seq}, {index} and {key} are "
            "replaced.",
     .store = XD_CONFIG_AS_TEXT,
     REMOTE(idempotency_key)},
    {.name = "ca_file",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_PATH,
     .max = PATH_MAX_BYTES,
     .doc = "Certificates to trust, relative to the project folder. Default: the machine's.",
     .store = XD_CONFIG_AS_TEXT,
     REMOTE(ca_file)},
    {.name = "concurrency",
     .type = XD_CONFIG_INTEGER,
     .fallback = "16",
     .min = 1,
     .max = 1024,
     .unit = "requests",
     .doc = "Requests in flight at one time.",
     .store = XD_CONFIG_AS_U32,
     REMOTE(concurrency)},
    {.name = "pipeline",
     .type = XD_CONFIG_INTEGER,
     .fallback = "1",
     .min = 1,
     .max = XD_PIPELINE_MAX,
     .unit = "requests",
     .doc = "Requests that may follow one another on a connection without waiting for answers, for "
            "a system that answers them in order and deduplicates by Idempotency-Key.",
     .store = XD_CONFIG_AS_U32,
     REMOTE(pipeline)},
    {.name = "rate_per_s",
     .type = XD_CONFIG_DECIMAL,
     .fallback = "0",
     .max = 1000000,
     .unit = "requests a second",
     .doc = "Steady rate; 0 means no limit.",
     .store = XD_CONFIG_AS_DOUBLE,
     REMOTE(rate_per_s)},
    {.name = "burst",
     .type = XD_CONFIG_INTEGER,
     .min = 1,
     .max = 1000000,
     .unit = "requests",
     .doc =
         "Requests that may go at once before rate_per_s holds. Default: rate_per_s, at least 1.",
     .store = XD_CONFIG_AS_U32,
     REMOTE(burst)},
    {.name = "timeout_ms",
     .type = XD_CONFIG_INTEGER,
     .fallback = "10000",
     .min = 10,
     .max = 600000,
     .unit = "milliseconds",
     .doc = "Whole request. A request that passes it has an unknown outcome.",
     .store = XD_CONFIG_AS_I32,
     REMOTE(timeout_ms)},
    {.name = "connect_timeout_ms",
     .type = XD_CONFIG_INTEGER,
     .fallback = "3000",
     .min = 10,
     .max = 600000,
     .unit = "milliseconds",
     .doc = "Opening a connection.",
     .store = XD_CONFIG_AS_I32,
     REMOTE(connect_timeout_ms)},
    {.name = "attempts",
     .type = XD_CONFIG_INTEGER,
     .fallback = "12",
     .min = 1,
     .max = 1000,
     .doc = "Attempts before a delivery becomes a dead letter.",
     .store = XD_CONFIG_AS_U32,
     REMOTE(attempts)},
    {.name = "backoff_ms",
     .type = XD_CONFIG_INTEGER,
     .fallback = "200",
     .min = 1,
     .max = 3600000,
     .unit = "milliseconds",
     .doc = "First pause; doubles with each attempt, drawn at random from zero to that.",
     .store = XD_CONFIG_AS_I32,
     REMOTE(backoff_ms)},
    {.name = "backoff_max_ms",
     .type = XD_CONFIG_INTEGER,
     .fallback = "60000",
     .min = 1,
     .max = 86400000,
     .unit = "milliseconds",
     .doc = "Longest pause. Retry-After of the system is honoured above it.",
     .store = XD_CONFIG_AS_I32,
     REMOTE(backoff_max_ms)},
    {.name = "breaker_failures",
     .type = XD_CONFIG_INTEGER,
     .fallback = "10",
     .min = 1,
     .max = 100000,
     .doc = "Failures in a row that open the circuit breaker.",
     .store = XD_CONFIG_AS_U32,
     REMOTE(breaker_failures)},
    {.name = "breaker_open_ms",
     .type = XD_CONFIG_INTEGER,
     .fallback = "2000",
     .min = 10,
     .max = 3600000,
     .unit = "milliseconds",
     .doc = "How long an open breaker waits before it lets one request through as a probe.",
     .store = XD_CONFIG_AS_I32,
     REMOTE(breaker_open_ms)},
    {.name = "batch_max",
     .type = XD_CONFIG_INTEGER,
     .fallback = "1",
     .min = 1,
     .max = 10000,
     .unit = "messages",
     .doc = "Messages in one request; above 1 the body is a JSON array, so maps may then have no "
            "layout.",
     .store = XD_CONFIG_AS_U32,
     REMOTE(batch_max)},
    {.name = "batch_wait_ms",
     .type = XD_CONFIG_INTEGER,
     .fallback = "20",
     .min = 0,
     .max = 60000,
     .unit = "milliseconds",
     .doc = "How long a batch waits to fill.",
     .store = XD_CONFIG_AS_I32,
     REMOTE(batch_wait_ms)},
    {.name = "coalesce",
     .type = XD_CONFIG_BOOLEAN,
     .fallback = "false",
     .doc = "Of waiting messages with one order key and message, send only the newest.",
     .store = XD_CONFIG_AS_BOOL,
     REMOTE(coalesce)},
    {.name = "lookup_path",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_URL_PATH,
     .max = TEXT_MAX_BYTES,
     .doc = "Asked after an unknown outcome, such as /lookup?key={idempotency_key}: 200 means the "
            "system has the message, 404 that it has not.",
     .store = XD_CONFIG_AS_TEXT,
     REMOTE(lookup_path)},
    {.name = "unknown_retry",
     .type = XD_CONFIG_BOOLEAN,
     .fallback = "true",
     .doc = "After an unknown outcome without lookup_path: true sends again (the system must "
            "deduplicate by Idempotency-Key), false stops the delivery for a person.",
     .store = XD_CONFIG_AS_BOOL,
     REMOTE(unknown_retry)},
    END};

static const xd_config_section system_section = {
    "systems.NAME", "Systems that the hub delivers to, each under its own limits.", system_fields};

/* --- the flow definition (docs/definition.md): checked here for its place in the file, and again,
 * as a whole, by xd_definition_read --- */

#define SIDE(side, words)                                                                          \
    {                                                                                              \
        .name = side, .type = XD_CONFIG_DECIMAL, .max = INT64_MAX, .doc = words                    \
    }

static const xd_config_field tolerance_fields[] = {
    SIDE("upper_percent", "Most above, in percent. Absent: not checked; 0 allows nothing."),
    SIDE("upper_absolute", "Most above, as an amount or quantity."),
    SIDE("lower_percent", "Most below, in percent."),
    SIDE("lower_absolute", "Most below, as an amount or quantity."), END};

static const xd_config_section tolerance_section = {
    "flow.tolerances.RULE",
    "A side that is absent is not checked; 0 is a limit that allows nothing. Every side that is "
    "present must hold.",
    tolerance_fields};

#define TOLERANCE(rule, words)                                                                     \
    {                                                                                              \
        .name = rule, .type = XD_CONFIG_SECTION, .section = &tolerance_section, .doc = words       \
    }

static const xd_config_field tolerances_fields[] = {
    TOLERANCE("price", "Invoice unit price against the order's. Default: nothing above."),
    TOLERANCE("extended_price",
              "Everything billed for an order line against its net. Default: not checked."),
    TOLERANCE("quantity_ordered",
              "Everything billed against the quantity ordered. Default: nothing above."),
    TOLERANCE("quantity_received",
              "Everything billed against received less returned. Default: nothing above."),
    TOLERANCE(
        "invoice_total",
        "The invoice's net against the same quantities at order prices. Default: not checked."),
    TOLERANCE("over_receipt", "Received against ordered quantity. Default: nothing above."),
    END};

static const xd_config_section tolerances_section = {
    "flow.tolerances", "How far documents may differ before a person has to look.",
    tolerances_fields};

#define ACCOUNT(role, words)                                                                       \
    {                                                                                              \
        .name = role, .type = XD_CONFIG_TEXT, .max = NAME_MAX_BYTES, .doc = words                  \
    }

static const xd_config_field account_fields[] = {
    ACCOUNT("INV", "Inventory."),
    ACCOUNT("GRNI", "Goods received, not invoiced."),
    ACCOUNT("AP", "Accounts payable."),
    ACCOUNT("VAT", "Input tax."),
    ACCOUNT("IPV", "Invoice price variance."),
    ACCOUNT("PPV", "Purchase price variance, with standard cost."),
    ACCOUNT("RND", "Small differences."),
    ACCOUNT("COGS", "Cost of goods sold."),
    ACCOUNT("SHR", "Shrinkage."),
    ACCOUNT("GIT", "Goods in transit."),
    ACCOUNT("FX", "Exchange differences."),
    ACCOUNT("LCC", "Landed-cost clearing."),
    END};

static const xd_config_section accounts_section = {
    "flow.accounts",
    "Account code per role; a role that is absent posts to an account of its own name. Account "
    "documents and order lines may say otherwise.",
    account_fields};

static const char *const early_names[] = {"park", "post", NULL};
static const xd_config_choices early_choices = {early_names, NULL};

static const xd_config_field match_fields[] = {
    {.name = "level",
     .type = XD_CONFIG_INTEGER,
     .fallback = "3",
     .min = 2,
     .max = 3,
     .doc = "2 compares price and ordered quantity, 3 also received quantity."},
    {.name = "early_invoice",
     .type = XD_CONFIG_CHOICE,
     .choices = &early_choices,
     .fallback = "park",
     .doc = "An invoice ahead of its goods waits unposted (park), or posts with payment held "
            "(post)."},
    END};

static const xd_config_section match_section = {
    "flow.match", "How invoices are matched with orders and receipts.", match_fields};

static const char *const valuation_names[] = {"moving_average", "standard", NULL};
static const xd_config_choices valuation_choices = {valuation_names, NULL};
static const char *const require_names[] = {"item", "supplier", "site", NULL};
static const xd_config_choices require_choices = {require_names, NULL};

static const xd_config_field flow_fields[] = {
    {.name = "company",
     .type = XD_CONFIG_TEXT,
     .max = NAME_MAX_BYTES,
     .fallback = "main",
     .doc = "Legal entity; part of what makes an invoice a duplicate."},
    {.name = "currency",
     .type = XD_CONFIG_TEXT,
     .format = XD_CONFIG_CURRENCY,
     .max = 3,
     .required = true,
     .doc = "Currency of the ledger."},
    {.name = "ledger",
     .type = XD_CONFIG_TEXT,
     .max = NAME_MAX_BYTES,
     .fallback = "main",
     .doc = "Name of the ledger in journal numbers."},
    {.name = "accounts",
     .type = XD_CONFIG_SECTION,
     .section = &accounts_section,
     .doc = "Account codes."},
    {.name = "match", .type = XD_CONFIG_SECTION, .section = &match_section, .doc = "Matching."},
    {.name = "valuation",
     .type = XD_CONFIG_CHOICE,
     .choices = &valuation_choices,
     .fallback = "moving_average",
     .doc = "Cost of goods; standard takes the item's standard_cost."},
    {.name = "require",
     .type = XD_CONFIG_CHOICES,
     .choices = &require_choices,
     .fallback = "[]",
     .doc = "An order that names a master document not known yet waits until it comes."},
    {.name = "controls",
     .type = XD_CONFIG_BOOLEAN,
     .fallback = "false",
     .doc = "Keep the purchase-to-pay control counters per order line (report p2p-controls)."},
    {.name = "tolerances",
     .type = XD_CONFIG_SECTION,
     .section = &tolerances_section,
     .doc = "Tolerances."},
    {.name = "rounding_cap",
     .type = XD_CONFIG_DECIMAL,
     .max = INT64_MAX,
     .fallback = "0",
     .doc = "Largest difference between an invoice's total and its parts that is posted as "
            "rounding; more holds the invoice."},
    {.name = "controller_limit",
     .type = XD_CONFIG_DECIMAL,
     .max = INT64_MAX,
     .fallback = "0",
     .doc = "Holds on invoices above it are released only by one of controllers; 0 switches this "
            "off."},
    {.name = "controllers",
     .type = XD_CONFIG_TEXTS,
     .max = NAME_MAX_BYTES,
     .max_count = 16,
     .fallback = "[]",
     .doc = "Persons who may release those holds."},
    {.name = "duplicate_days",
     .type = XD_CONFIG_INTEGER,
     .fallback = "7",
     .min = 0,
     .max = 366,
     .unit = "days",
     .doc = "Window of the soft duplicate check of invoices; 0 switches it off."},
    {.name = "parked_days",
     .type = XD_CONFIG_INTEGER,
     .fallback = "7",
     .min = 0,
     .max = 3660,
     .unit = "days",
     .doc = "A document that still waits for another one after this becomes an exception; it stays "
            "parked. 0 never."},
    END};

const xd_config_section xd_config_flow = {
    "flow",
    "The flow definition: what the company's answers depend on. docs/definition.md explains each "
    "rule; a change of any of it is an event in the log and holds from there on.",
    flow_fields};

#define NAMED(type, array, count)                                                                  \
    .element_bytes = sizeof(type), DRAFT(array), .count_offset = offsetof(xd_config_draft, count)

static const xd_config_field root_fields[] = {
    {.name = "hub", .type = XD_CONFIG_SECTION, .section = &hub_section, .doc = "The hub itself."},
    {.name = "flow",
     .type = XD_CONFIG_SECTION,
     .section = &xd_config_flow,
     .doc = "Company, ledger, matching and tolerances."},
    {.name = "keys",
     .type = XD_CONFIG_NAMED,
     .section = &key_section,
     .doc = "Who may call the hub.",
     NAMED(xd_config_key, keys, key_count)},
    {.name = "maps",
     .type = XD_CONFIG_NAMED,
     .section = &map_section,
     .doc = "Maps to documents.",
     NAMED(xd_config_map, maps, map_count)},
    {.name = "sources",
     .type = XD_CONFIG_NAMED,
     .section = &source_section,
     .doc = "Where documents come from.",
     NAMED(xd_config_source, sources, source_count)},
    {.name = "intake",
     .type = XD_CONFIG_SECTION,
     .section = &intake_section,
     .doc = "How watched folders are read."},
    {.name = "systems",
     .type = XD_CONFIG_NAMED,
     .section = &system_section,
     .doc = "Systems that the hub delivers to.",
     NAMED(xd_config_system, systems, system_count)},
    {.name = "engine",
     .type = XD_CONFIG_SECTION,
     .section = &engine_section,
     .doc = "Queue, batches and memory of the engine."},
    {.name = "outbound",
     .type = XD_CONFIG_SECTION,
     .section = &outbound_section,
     .doc = "Memory of the delivery side."},
    END};

const xd_config_section xd_config_root = {"crossdock.yaml", "The sections of the file.",
                                          root_fields};
