/* The schema: one text per version, applied in order, never changed once released. The views are in
 * views.c. Pure data. */
#include "sqlite_int.h"

/* state: documents by kind and key, kinds as in port/store.h.
 * effect: by event seq, what its step decided; journal: entries by ordinal; both JSON.
 * meta: small numbers such as state_seq. log and answer moved to a file of their own in version 4.
 */
static const char TABLES[] =
    "CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE log ("
    " seq INTEGER PRIMARY KEY,"
    " recorded_at INTEGER NOT NULL," /* microseconds since 1970 UTC */
    " kind INTEGER NOT NULL,"
    " source_id INTEGER NOT NULL REFERENCES source (id),"
    " id TEXT NOT NULL,"
    " key TEXT NOT NULL,"       /* the document's own number */
    " order_key TEXT NOT NULL," /* the number that keeps order: the purchase order's, mostly */
    " time INTEGER,"            /* business time, microseconds since 1970 UTC */
    " actor TEXT NOT NULL,"
    " trace TEXT NOT NULL,"
    " body TEXT NOT NULL);"
    "CREATE UNIQUE INDEX log_identity ON log (source_id, id);"
    "CREATE INDEX log_key ON log (key) WHERE key <> '';"
    "CREATE INDEX log_order ON log (order_key) WHERE order_key <> '' AND order_key <> key;"
    "CREATE INDEX log_hub ON log (kind) WHERE kind >= 60;" /* outcomes, decisions, definitions */
    "CREATE TABLE state (kind INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (kind, key)) WITHOUT ROWID;"
    "CREATE TABLE effect (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);"
    "CREATE TABLE journal (ordinal INTEGER PRIMARY KEY, body TEXT NOT NULL);"
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE answer (consumer TEXT NOT NULL, key TEXT NOT NULL, payload_hash TEXT NOT NULL,"
    " answer TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (consumer, key)) WITHOUT ROWID;"
    "CREATE INDEX answer_at ON answer (at);";

/* Version 4: the log is in a file of its own (copied there before this runs), and what finds events
 * became the register: written with the state, so that a commit of the log carries nothing that can
 * be derived. */
static const char REGISTER[] =
    "CREATE TABLE event ("
    " seq INTEGER PRIMARY KEY,"
    " recorded_at INTEGER NOT NULL," /* microseconds since 1970 UTC */
    " kind INTEGER NOT NULL,"
    " source_id INTEGER NOT NULL REFERENCES source (id),"
    " id TEXT NOT NULL,"
    " key TEXT NOT NULL,"       /* the document's own number */
    " order_key TEXT NOT NULL," /* the number that keeps order: the purchase order's, mostly */
    " time INTEGER,"            /* business time, microseconds since 1970 UTC */
    " actor TEXT NOT NULL,"
    " bytes INTEGER NOT NULL);" /* of the body */
    "INSERT INTO event SELECT moving(seq), recorded_at, kind, source_id, id, key, order_key, time, "
    "actor,"
    " length(CAST(body AS BLOB)) FROM log"
    " WHERE seq <= coalesce((SELECT value FROM meta WHERE name = 'state_seq'), 0);"
    "DROP VIEW v_events; DROP VIEW v_outbox; DROP VIEW v_dead_letters;"
    "DROP TABLE log; DROP TABLE answer; DELETE FROM meta WHERE name = 'definition_seq';"
    "CREATE UNIQUE INDEX event_identity ON event (source_id, id);"
    "CREATE INDEX event_key ON event (key) WHERE key <> '';"
    "CREATE INDEX event_order ON event (order_key) WHERE order_key <> '' AND order_key <> key;"
    "CREATE INDEX event_hub ON event (kind) WHERE kind >= 60;"; /* outcomes, decisions */

/* Version 7: keys of receipt rows (kind 12) are n/po/line instead of po/line/n, so that those of
 * one moment lie together. By way of a table, as an UPDATE would keep every key in memory. */
#define KEY_STEM "rtrim(key, '0123456789')"
static const char RECEIPT_ROWS[] =
    "DROP VIEW v_receipts;"
    "CREATE TABLE moved (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "INSERT INTO moved SELECT moving(substr(key, length(" KEY_STEM ") + 1) || '/'"
    " || substr(key, 1, length(" KEY_STEM ") - 1)), value FROM state WHERE kind = 12;"
    "DELETE FROM state WHERE kind = 12 AND moving(1);"
    "INSERT INTO state SELECT 12, moving(key), value FROM moved ORDER BY key;"
    "DROP TABLE moved;";

static const xd_sqlite_migration STATE_MIGRATIONS[] = {
    {.sql = TABLES},
    {.sql = XD_SQLITE_VIEWS},
    {.sql = ""}, /* 3: page checksums, a matter of the file's layout (upgrade.c) */
    {REGISTER, "making the register of events",
     "SELECT count(*) FROM log"
     " WHERE seq <= coalesce((SELECT value FROM meta WHERE name = 'state_seq'), 0)",
     1},
    {.sql = XD_SQLITE_EVENT_VIEWS},
    {.sql = XD_SQLITE_CODE_VIEWS},
    {RECEIPT_ROWS, "giving receipt rows new keys", "SELECT count(*) FROM state WHERE kind = 12", 3},
    {.sql = XD_SQLITE_RECEIPT_VIEW},
    {.sql = XD_SQLITE_KIND_VIEWS},
    {.sql = XD_SQLITE_EXCEPTION_VIEWS},
};
const int XD_SQLITE_VERSION = sizeof STATE_MIGRATIONS / sizeof STATE_MIGRATIONS[0];

/* The log's own file. log: every event, as received, in order; answer: kept for Idempotency-Key. */
static const char LOG_TABLES[] =
    "CREATE TABLE log ("
    " seq INTEGER PRIMARY KEY,"
    " recorded_at INTEGER NOT NULL,"
    " kind INTEGER NOT NULL,"
    " source TEXT NOT NULL,"
    " id TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " order_key TEXT NOT NULL,"
    " time INTEGER,"
    " actor TEXT NOT NULL,"
    " trace TEXT NOT NULL,"
    " body TEXT NOT NULL);"
    "CREATE TABLE answer (consumer TEXT NOT NULL, key TEXT NOT NULL, payload_hash TEXT NOT NULL,"
    " answer TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (consumer, key)) WITHOUT ROWID;"
    "CREATE INDEX answer_at ON answer (at);";

/* Version 2: which map made an event, and of which bytes; NULL for events that came as they are.
 * raw: those bytes, each file or body once. */
static const char RAW[] =
    "ALTER TABLE log ADD COLUMN map TEXT;" /* SHA-256 of the map, hexadecimal */
    "ALTER TABLE log ADD COLUMN raw TEXT;" /* raw.hash, #, number of the record in it */
    "CREATE TABLE raw (hash TEXT PRIMARY KEY, media TEXT NOT NULL, bytes BLOB NOT NULL);";

static const xd_sqlite_migration LOG_MIGRATIONS[] = {
    {.sql = LOG_TABLES},
    {.sql = RAW},
};

xd_sqlite_file xd_sqlite_state_file(const char *path)
{
    return (xd_sqlite_file){path, STATE_MIGRATIONS, XD_SQLITE_VERSION, XD_SQLITE_SUMMED_VERSION};
}

xd_sqlite_file xd_sqlite_log_file(const char *path)
{
    return (xd_sqlite_file){path, LOG_MIGRATIONS, sizeof LOG_MIGRATIONS / sizeof LOG_MIGRATIONS[0],
                            1};
}

/* Run in the log's file with the old database attached as old. */
static const char MOVE_LOG[] =
    "DELETE FROM log; DELETE FROM answer;"
    "INSERT INTO log (seq, recorded_at, kind, source, id, key, order_key, time, actor, trace, body)"
    " SELECT moving(l.seq), l.recorded_at, l.kind, s.name, l.id, l.key, l.order_key, l.time,"
    " l.actor, l.trace, l.body FROM old.log l JOIN old.source s ON s.id = l.source_id ORDER BY "
    "l.seq;"
    "INSERT INTO answer SELECT * FROM old.answer;";
const xd_sqlite_migration XD_SQLITE_MOVE_LOG = {MOVE_LOG, "moving the log to a file of its own",
                                                "SELECT count(*) FROM old.log", 1};
