/* The schema: one text per version, applied in order, never changed once released. The views are in
 * views.c. Pure data. */
#include "sqlite_int.h"

/* log: every event, as received, in order; log_identity is the deduplication, the other indexes
 * serve looking documents up.
 * state: documents by kind and key, kinds as in port/store.h.
 * effect: by event seq, what its step decided; journal: entries by ordinal; both JSON.
 * meta: small numbers such as state_seq; answer: kept for Idempotency-Key. */
const char XD_SQLITE_TABLES[] =
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

const char *const XD_SQLITE_MIGRATIONS[] = {
    XD_SQLITE_TABLES,
    XD_SQLITE_VIEWS,
};
const int XD_SQLITE_VERSION = sizeof XD_SQLITE_MIGRATIONS / sizeof XD_SQLITE_MIGRATIONS[0];
