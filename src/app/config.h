/* The configuration of one hub: a project folder with crossdock.yaml. Loading reads the file,
 * checks every setting and reports all errors at once, resolves secrets, and hands out the options
 * of each part and the flow definition as JSON. Owns every string it hands out. */
#ifndef XD_APP_CONFIG_H
#define XD_APP_CONFIG_H

#include "app/config_error.h"
#include "engine/engine.h"
#include "ingress/ingress.h"
#include "ingress/intake.h"
#include "outbound/outbound.h"

#define XD_CONFIG_FILE "crossdock.yaml"

typedef struct xd_config_private xd_config_private;

/* A map as configured now: one version of it. */
typedef struct xd_config_map {
    const char *name;
    const char *file, *to, *layout_file; /* as given; layout_file NULL: the records are JSON */
    const char *from; /* of a map of what goes out: its message, or "any"; to is then NULL */
    const char *content_type; /* of what that one makes; NULL: its layout's */
    const char *soap_action;  /* that its SOAP messages ask for; NULL: none */
    const char *by, *time;    /* of a map of what comes in, as in ingress/source.h; may be NULL */
    xd_str text;              /* of the map */
    xd_str layout;            /* canonical JSON; ptr NULL: none */
    char hash[65]; /* SHA-256 over all of the above but the files: what events are pinned with */
    xd_str data;   /* of its hub.map event */
} xd_config_map;

/* Where documents come from, beside the keys' owners. */
typedef struct xd_config_source {
    const char *name;    /* of the source; what its events carry when they are mapped */
    const char *folder;  /* ready to open; NULL: no folder is watched */
    const char *pattern; /* of file names; NULL: those of events, or with a map all */
    const char *map;     /* NULL: what comes is events */
    const xd_config_map *map_of;
} xd_config_source;

typedef struct xd_config {
    const char *folder;      /* the project folder as given */
    const char *name;        /* of the hub */
    const char *data_folder; /* ready to open; may not exist yet */
    const char *database;    /* file in data_folder */
    int32_t drain_ms;        /* how long SIGTERM waits for work under way */
    xd_ingress_options ingress;
    xd_engine_options engine; /* clock and seeds are the caller's to set */
    xd_outbound_options outbound;
    xd_intake_options intake; /* how folders are watched; which ones, sources say */
    const xd_config_source *sources;
    uint32_t source_count;
    const xd_config_map *maps; /* each compiles, and its layout opens */
    uint32_t map_count;
    xd_str definition;          /* canonical JSON for xd_engine_create */
    xd_config_private *private; /* owns everything above */
} xd_config;

typedef enum xd_config_secrets {
    XD_CONFIG_WITH_SECRETS,   /* a secret that cannot be read is an error */
    XD_CONFIG_WITHOUT_SECRETS /* secrets are not looked up: keys and authorizations are empty */
} xd_config_secrets;

/* Loads folder/crossdock.yaml. On failure errors (emptied first) holds at least one, in order of
 * place. XD_NOT_FOUND (no such file), XD_INVALID, XD_LIMIT, XD_IO, XD_NO_MEMORY. */
XD_CHECKED xd_status xd_config_load(const char *folder, xd_config_secrets secrets, xd_config *ret,
                                    xd_config_errors *errors);
/* Wipes secrets and frees. Accepts NULL and a zeroed config. */
void xd_config_finish(xd_config *config);

/* Opens a source that has a map. codes is borrowed; NULL when nothing will be mapped. */
XD_CHECKED xd_status xd_config_open_source(const xd_config_source *source, xd_codes *codes,
                                           xd_source **ret, xd_fault *fault);

/* What a running hub may take from a changed file without a restart: its keys. XD_CONFLICT names
 * the first setting that differs elsewhere. */
XD_CHECKED xd_status xd_config_may_reload(const xd_config *running, const xd_config *changed,
                                          xd_fault *fault);

/* The reference of all settings as Markdown (docs/configuration.md). */
void xd_config_write_markdown(xd_buf *buf);
/* JSON Schema 2020-12 of crossdock.yaml, for editors (schemas/crossdock.yaml.json). */
void xd_config_write_schema(xd_buf *buf);

#endif
