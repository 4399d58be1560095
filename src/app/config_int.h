/* Private to the configuration: the table of settings, and the draft a project file is read into
 * before cross checks. One row per setting is parser, default, check, manual and editor schema at
 * once. */
#ifndef XD_APP_CONFIG_INT_H
#define XD_APP_CONFIG_INT_H

#include "app/config.h"
#include "base/json.h"

typedef enum xd_config_type {
    XD_CONFIG_TEXT,
    XD_CONFIG_INTEGER,
    XD_CONFIG_BYTES,   /* integer, or integer with KiB, MiB, GiB */
    XD_CONFIG_DECIMAL, /* exact, not negative */
    XD_CONFIG_BOOLEAN,
    XD_CONFIG_CHOICE,  /* one of choices */
    XD_CONFIG_CHOICES, /* list of choices */
    XD_CONFIG_TEXTS,   /* list of at most max_count texts */
    XD_CONFIG_SECTION, /* mapping with the fields of section */
    XD_CONFIG_NAMED    /* mapping: name of your choice -> section */
} xd_config_type;

/* What a text must look like. */
typedef enum xd_config_format {
    XD_CONFIG_ANY,
    XD_CONFIG_NAME,    /* our own short names */
    XD_CONFIG_ADDRESS, /* IPv4:port or [IPv6]:port */
    XD_CONFIG_URL,
    XD_CONFIG_URL_PATH,
    XD_CONFIG_PATH, /* file or folder */
    XD_CONFIG_HASH, /* sha256:<64 hex digits> */
    XD_CONFIG_ENVIRONMENT,
    XD_CONFIG_CURRENCY,
    XD_CONFIG_FORMAT_COUNT
} xd_config_format;

/* C type that the value is stored as. */
typedef enum xd_config_store {
    XD_CONFIG_NOT_STORED = 0, /* part of the flow definition: goes on as JSON */
    XD_CONFIG_AS_TEXT,        /* const char * */
    XD_CONFIG_AS_U32,
    XD_CONFIG_AS_I32,
    XD_CONFIG_AS_I64,
    XD_CONFIG_AS_SIZE,
    XD_CONFIG_AS_DOUBLE,
    XD_CONFIG_AS_BOOL,
    XD_CONFIG_AS_BITS /* uint32_t, bit values[i] per choice */
} xd_config_store;

typedef struct xd_config_choices {
    const char *const *names; /* NULL-terminated */
    const uint32_t *values;   /* bits, for XD_CONFIG_AS_BITS */
} xd_config_choices;

typedef struct xd_config_field xd_config_field;

typedef struct xd_config_section {
    const char *title;
    const char *doc;
    const xd_config_field *fields; /* ends with name NULL */
} xd_config_section;

struct xd_config_field {
    const char *name;
    xd_config_type type;
    xd_config_format format;
    bool required;
    const char *fallback; /* default as it would be written; NULL: none */
    int64_t min, max;     /* INTEGER, BYTES: value; TEXT: max is its longest length in bytes */
    uint32_t max_count;   /* TEXTS */
    const char *unit;     /* for people; NULL: none */
    const xd_config_choices *choices;
    const xd_config_section *section; /* SECTION, NAMED */
    const char *doc;
    xd_config_store store;
    size_t offset; /* in the structure of the section it stands in */
    /* NAMED: an array of element_bytes each, its address at offset, its count at count_offset,
     * each starting with the name (const char *). SECTION: its fields are stored in the same
     * structure as the section itself. */
    size_t element_bytes;
    size_t count_offset;
};

/* Where a secret comes from; at most one is set. */
typedef struct xd_config_secret_ref {
    const char *env;
    const char *file;
} xd_config_secret_ref;

typedef struct xd_config_key {
    const char *name; /* first: see xd_config_field */
    const char *person;
    const char *hash; /* "sha256:..." */
    xd_config_secret_ref secret;
    uint32_t scopes;
} xd_config_key;

typedef struct xd_config_system {
    const char *name; /* first: see xd_config_field */
    xd_remote_options remote;
    xd_config_secret_ref authorization;
    const char *maps[XD_MESSAGE_LIMIT]; /* by message, as given; XD_MESSAGE_NONE: the rest */
    const xd_config_map *map_of[XD_MESSAGE_LIMIT]; /* that make the bodies of what it receives */
} xd_config_system;

/* What the file says, with defaults filled in. */
typedef struct xd_config_draft {
    const char *name, *data, *listen, *control;
    int32_t drain_ms;
    xd_ingress_options ingress;
    xd_engine_options engine;
    xd_outbound_options outbound;
    xd_config_key *keys;
    uint32_t key_count;
    xd_intake_options intake;
    xd_config_source *sources;
    uint32_t source_count;
    xd_config_system *systems;
    uint32_t system_count;
    xd_config_map *maps;
    uint32_t map_count;
} xd_config_draft;

extern const xd_config_choices xd_config_scopes; /* of keys */
extern const xd_config_section xd_config_root;
extern const xd_config_section xd_config_flow; /* its part that is the flow definition */

/* Words and check of a text format; words complete "must be ...". */
typedef struct xd_config_format_info {
    const char *words;
    const char *pattern; /* ECMA-262, for the editor schema; NULL: none */
    bool (*holds)(xd_str text);
} xd_config_format_info;
extern const xd_config_format_info xd_config_formats[XD_CONFIG_FORMAT_COUNT];

/* Walks root against the table: checks every value and fills draft. */
void xd_config_read(const xd_json *root, const char *file, xd_str text, xd_arena *arena,
                    xd_config_draft *draft, xd_config_errors *errors);

/* Reads the files of the draft's maps from folder, compiles them, and fills what follows from that.
 * Errors name the map's own file, line and column, or (by report, at a pointer) the setting. */
typedef struct xd_config_reporter {
    void *self;
    void (*at)(void *self, const char *pointer, const char *rule, const char *text);
} xd_config_reporter;
void xd_config_read_maps(const char *folder, xd_config_map *maps, uint32_t count, xd_arena *arena,
                         xd_config_reporter report, xd_config_errors *errors);

/* Finds the maps that the draft's systems name and fills map_of; root is the file's tree. What is
 * wrong is reported at its setting. */
void xd_config_join_maps(xd_config_draft *draft, const xd_json *root, xd_config_reporter report);

/* The same for the draft's sources. */
void xd_config_join_sources(xd_config_draft *draft, xd_config_reporter report);

/* The definition's JSON (docs/definition.md) from the flow and systems parts of a tree that
 * xd_config_read found good, and the versions of the systems' maps: canonical form, in the arena.
 * XD_NO_MEMORY, XD_LIMIT. */
XD_CHECKED xd_status xd_config_definition(const xd_json *root, const xd_config_draft *draft,
                                          xd_arena *arena, xd_str *ret, xd_fault *fault);

/* "127.0.0.1:8080" or "[::1]:8080" into its parts; false when it is neither. address must hold 46
 * bytes. */
bool xd_config_split_address(xd_str text, char *address, uint16_t *port);

#endif
