/* Loading a project folder: the file, the table's checks, the checks that span settings, secrets,
 * and the flow definition. Owns the configuration's memory. See config.h. */
#include "app/config_int.h"

#include "app/config_yaml.h"
#include "app/secret.h"
#include "base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

enum { ARENA_CAP_BYTES = 64 << 20 };

struct xd_config_private {
    xd_arena arena; /* owns every string and array of the configuration */
    xd_str text;    /* the file, in the arena */
    const xd_json *root;
    xd_secret **secrets; /* owns each; in the arena */
    uint32_t secret_count;
};

typedef struct loader {
    const char *folder;
    xd_config_private *private;
    xd_config_draft draft;
    xd_config_errors *errors;
    bool with_secrets;
} loader;

/* --- reading the file --- */

static xd_status read_file(const char *folder, xd_arena *arena, xd_str *ret,
                           xd_config_errors *errors)
{
    xd_str path = xd_arena_printf(arena, "%s/" XD_CONFIG_FILE, folder);
    if (!path.ptr) {
        return XD_NO_MEMORY;
    }
    FILE *file = fopen(path.ptr, "re");
    if (!file) {
        int error = errno;
        xd_config_errors_add(errors, XD_CONFIG_FILE, XD_STR_NULL, -1, "", "config.file",
                             "cannot be read: %s%s", strerror(error),
                             error == ENOENT ? "; `crossdock init DIR` writes one" : "");
        return error == ENOENT || error == ENOTDIR ? XD_NOT_FOUND : XD_IO;
    }
    char *bytes = xd_arena_alloc(arena, XD_YAML_MAX_BYTES + 1);
    size_t n = bytes ? fread(bytes, 1, XD_YAML_MAX_BYTES + 1, file) : 0;
    bool failed = ferror(file) != 0;
    int error = errno;
    fclose(file);
    if (failed) {
        xd_config_errors_add(errors, XD_CONFIG_FILE, XD_STR_NULL, -1, "", "config.file",
                             "cannot be read: %s", strerror(error));
        return XD_IO;
    }
    *ret = (xd_str){bytes, n};
    return bytes ? XD_OK : XD_NO_MEMORY;
}

/* --- reporting at a setting --- */

/* The value at a JSON pointer, or the nearest one around it that stands in the file. */
static const xd_json *locate(const xd_json *root, const char *pointer)
{
    const xd_json *value = root;
    while (*pointer == '/') {
        const char *end = strchr(pointer + 1, '/');
        size_t length = end ? (size_t)(end - pointer - 1) : strlen(pointer + 1);
        const xd_json *inner = xd_json_get(value, (xd_str){pointer + 1, length});
        if (!inner) {
            break;
        }
        value = inner;
        pointer += length + 1;
    }
    return value;
}

#define REPORT(load, path, rule, ...)                                                              \
    xd_config_errors_add((load)->errors, XD_CONFIG_FILE, (load)->private->text,                    \
                         locate((load)->private->root, (path))->offset, (path), (rule),            \
                         __VA_ARGS__)

static const char *setting(char *path, size_t size, const char *section, const char *name,
                           const char *field)
{
    snprintf(path, size, "/%s/%s%s%s", section, name, field ? "/" : "", field ? field : "");
    return path;
}

/* --- paths --- */

static const char *in_folder(loader *load, const char *path)
{
    bool here = path[0] == '/' || strcmp(load->folder, ".") == 0;
    xd_str joined = xd_arena_printf(&load->private->arena, "%s%s%s", here ? "" : load->folder,
                                    here ? "" : "/", path);
    if (!joined.ptr) {
        xd_config_errors_add(load->errors, XD_CONFIG_FILE, XD_STR_NULL, -1, "", "no_memory",
                             "out of memory");
        return path;
    }
    return joined.ptr;
}

/* --- secrets --- */

/* Loads a referenced secret and keeps it; NULL after reporting, or when secrets are not wanted. */
static const xd_secret *load_secret(loader *load, const xd_config_secret_ref *ref, const char *path)
{
    if (!load->with_secrets) {
        return NULL;
    }
    xd_fault fault = XD_FAULT_NONE;
    xd_secret *secret = NULL;
    xd_status status = ref->env ? xd_secret_from_env(ref->env, &secret, &fault)
                                : xd_secret_from_file(in_folder(load, ref->file), &secret, &fault);
    if (status != XD_OK) {
        REPORT(load, path, fault.rule, "%s", fault.text);
        return NULL;
    }
    load->private->secrets[load->private->secret_count++] = secret;
    return secret;
}

static int hex_digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* The hash of a key from what its settings name; false after reporting, or when it stays empty. */
static bool fill_hash(loader *load, const xd_config_key *given, uint8_t *hash)
{
    char path[192];
    setting(path, sizeof path, "keys", given->name, NULL);
    const xd_json *settings = locate(load->private->root, path);
    int ways = (XD_GET(settings, "hash") != NULL) + (XD_GET(settings, "secret_env") != NULL) +
               (XD_GET(settings, "secret_file") != NULL);
    if (ways != 1) {
        REPORT(load, path, "keys.secret",
               "needs exactly one of hash, secret_env and secret_file; found %d", ways);
        return false;
    }
    if (given->hash) {
        const char *digits = given->hash + strlen("sha256:");
        for (size_t n = 0; n < XD_SHA256_BYTES; n++) {
            hash[n] = (uint8_t)(hex_digit(digits[2 * n]) << 4 | hex_digit(digits[2 * n + 1]));
        }
        return true;
    }
    const xd_secret *secret =
        given->secret.env || given->secret.file ? load_secret(load, &given->secret, path) : NULL;
    if (secret) {
        xd_sha256_of(xd_str_from(xd_secret_reveal(secret)), hash);
    }
    return secret != NULL;
}

static void fill_keys(loader *load)
{
    xd_config_draft *draft = &load->draft;
    xd_key *keys = xd_arena_zalloc(&load->private->arena, (draft->key_count + 1) * sizeof *keys);
    if (!keys) {
        return;
    }
    for (uint32_t i = 0; i < draft->key_count; i++) {
        const xd_config_key *given = &draft->keys[i];
        if (!given->name) {
            continue; /* its name was refused */
        }
        char path[192];
        keys[i] = (xd_key){.name = given->name, .person = given->person, .scopes = given->scopes};
        bool hashed = fill_hash(load, given, keys[i].hash);
        for (uint32_t j = 0; hashed && j < i; j++) {
            if (memcmp(keys[j].hash, keys[i].hash, sizeof keys[i].hash) == 0) {
                REPORT(load, setting(path, sizeof path, "keys", given->name, NULL), "keys.distinct",
                       "has the same secret as the key \"%s\"; every caller needs its own",
                       keys[j].name);
            }
        }
        const xd_json *scopes =
            locate(load->private->root, setting(path, sizeof path, "keys", given->name, "scopes"));
        if (scopes->type == XD_JSON_ARRAY && scopes->count == 0) {
            REPORT(load, path, "keys.scopes",
                   "names no scope; a key without scopes can do nothing");
        }
    }
    draft->ingress.keys = keys;
    draft->ingress.key_count = draft->key_count;
}

/* --- checks that span settings --- */

static void check_limits(loader *load)
{
    const xd_ingress_options *ingress = &load->draft.ingress;
    if (ingress->max_event_bytes > ingress->max_body_bytes) {
        REPORT(load, "/hub/limits/max_event_bytes", "limits.event",
               "is %zu, but a request body (max_body_bytes) may have only %zu",
               ingress->max_event_bytes, ingress->max_body_bytes);
    }
    if (ingress->max_body_bytes > ingress->max_inflight_bytes) {
        REPORT(load, "/hub/limits/max_inflight_bytes", "limits.inflight",
               "is %zu, less than one request body (max_body_bytes, %zu)",
               ingress->max_inflight_bytes, ingress->max_body_bytes);
    }
}

static void fill_hub(loader *load, xd_config *config)
{
    xd_config_draft *draft = &load->draft;
    xd_arena *arena = &load->private->arena;
    char address[46] = "";
    uint16_t port = 0;
    if (xd_config_split_address(xd_str_from(draft->listen), address, &port)) {
        draft->ingress.address = xd_arena_printf(arena, "%s", address).ptr;
        draft->ingress.port = port;
    }
    bool loopback = strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
    if (draft->ingress.open_loopback && !loopback) {
        REPORT(load, "/hub/open_loopback", "hub.open_loopback",
               "needs a loopback address in hub.listen; found %s", draft->listen);
    }
    config->name = draft->name;
    config->drain_ms = draft->drain_ms;
    config->data_folder = in_folder(load, draft->data);
    config->database = xd_arena_printf(arena, "%s/crossdock.db", config->data_folder).ptr;
    draft->ingress.control_path =
        draft->control ? in_folder(load, draft->control)
                       : xd_arena_printf(arena, "%s/control.sock", config->data_folder).ptr;
    const char *control = draft->ingress.control_path;
    size_t room = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    if (control && strlen(control) > room) {
        REPORT(load, "/hub/control", "hub.control",
               "the path of the control socket has %zu bytes and the system allows %zu; set "
               "hub.control to a shorter one",
               strlen(control), room);
    }
}

/* No two sources watch one folder. */
static void check_folder(loader *load, uint32_t index)
{
    xd_config_source *source = &load->draft.sources[index];
    const char *folder = in_folder(load, source->folder);
    for (uint32_t j = 0; j < index; j++) {
        const char *other = load->draft.sources[j].folder;
        if (other && strcmp(other, folder) == 0) {
            char path[192];
            REPORT(load, setting(path, sizeof path, "sources", source->name, "folder"),
                   "sources.distinct", "is already watched by the source \"%s\"",
                   load->draft.sources[j].name);
        }
    }
    source->folder = folder;
}

static void fill_sources(loader *load, xd_config *config)
{
    xd_config_draft *draft = &load->draft;
    xd_intake_folder *folders =
        xd_arena_zalloc(&load->private->arena, (draft->source_count + 1) * sizeof *folders);
    uint32_t folder_count = 0;
    for (uint32_t i = 0; folders && i < draft->source_count; i++) {
        xd_config_source *source = &draft->sources[i];
        if (!source->name) {
            continue; /* already reported */
        }
        if (source->folder) {
            check_folder(load, i);
            folders[folder_count++] = (xd_intake_folder){
                .name = source->name, .folder = source->folder, .pattern = source->pattern};
        } else if (!source->map) {
            char path[192];
            REPORT(load, setting(path, sizeof path, "sources", source->name, NULL),
                   "sources.folder",
                   "needs a folder that is watched, or a map, or both: else nothing can come from "
                   "it");
        }
    }
    config->sources = draft->sources;
    config->source_count = draft->source_count;
    config->intake = draft->intake;
    config->intake.folders = folders;
    config->intake.folder_count = folder_count;
    config->intake.max_event_bytes = draft->ingress.max_event_bytes;
    config->intake.max_batch = draft->ingress.max_batch;
    config->intake.max_depth = draft->ingress.max_depth;
}

/* A lesser value may not pass a greater one; when only the greater was given, the lesser's default
 * gives way. */
static void check_pair(loader *load, const char *system, const char *lesser_name, int32_t *lesser,
                       const char *greater_name, int32_t greater)
{
    if (*lesser <= greater) {
        return;
    }
    char path[192];
    setting(path, sizeof path, "systems", system, NULL);
    if (!xd_json_get(locate(load->private->root, path), xd_str_from(lesser_name))) {
        *lesser = greater;
        return;
    }
    REPORT(load, setting(path, sizeof path, "systems", system, lesser_name), "systems.order",
           "is %d, more than %s (%d)", (int)*lesser, greater_name, (int)greater);
}

static void check_remote(loader *load, xd_remote_options *remote)
{
    char path[192];
    check_pair(load, remote->name, "backoff_ms", &remote->backoff_ms, "backoff_max_ms",
               remote->backoff_max_ms);
    check_pair(load, remote->name, "connect_timeout_ms", &remote->connect_timeout_ms, "timeout_ms",
               remote->timeout_ms);
    if (remote->lookup_path && !strstr(remote->lookup_path, "{idempotency_key}") &&
        !strstr(remote->lookup_path, "{key}")) {
        REPORT(load, setting(path, sizeof path, "systems", remote->name, "lookup_path"),
               "systems.lookup",
               "must name what to look up: {idempotency_key} or {key} has to stand in it");
    }
    if (remote->pipeline > 1 && (remote->lookup_path || !remote->unknown_retry)) {
        REPORT(load, setting(path, sizeof path, "systems", remote->name, "pipeline"),
               "systems.pipeline",
               "may be above 1 only for a system that deduplicates (unknown_retry: true, no "
               "lookup_path): when a connection breaks, all that was under way on it is unknown");
    }
}

static void fill_systems(loader *load)
{
    xd_config_draft *draft = &load->draft;
    xd_remote_options *remotes =
        xd_arena_zalloc(&load->private->arena, (draft->system_count + 1) * sizeof *remotes);
    if (!remotes) {
        return;
    }
    if (draft->system_count > XD_DEFINITION_MAX_SYSTEMS) {
        REPORT(load, "/systems", "systems.count", "may be %d; found %u", XD_DEFINITION_MAX_SYSTEMS,
               (unsigned)draft->system_count);
    }
    for (uint32_t i = 0; i < draft->system_count; i++) {
        xd_config_system *system = &draft->systems[i];
        char path[192];
        if (!system->name) {
            continue; /* its name was refused */
        }
        system->remote.name = system->name;
        setting(path, sizeof path, "systems", system->name, "authorization");
        int ways = (system->authorization.env != NULL) + (system->authorization.file != NULL);
        if (ways == 2) {
            REPORT(load, path, "systems.authorization",
                   "needs one of secret_env and secret_file; found both");
        } else if (ways == 1) {
            const xd_secret *secret = load_secret(load, &system->authorization, path);
            system->remote.authorization = secret ? xd_secret_reveal(secret) : NULL;
        }
        if (system->remote.ca_file) {
            system->remote.ca_file = in_folder(load, system->remote.ca_file);
        }
        check_remote(load, &system->remote);
        remotes[i] = system->remote;
    }
    draft->outbound.remotes = remotes;
    draft->outbound.remote_count = draft->system_count;
}

/* --- maps --- */

static void report_at(void *self, const char *pointer, const char *rule, const char *text)
{
    loader *load = self;
    REPORT(load, pointer, rule, "%s", text);
}

static void fill_maps(loader *load, xd_config *config)
{
    xd_config_draft *draft = &load->draft;
    xd_config_reporter report = {load, report_at};
    xd_config_read_maps(load->folder, draft->maps, draft->map_count, &load->private->arena, report,
                        load->errors);
    xd_config_join_maps(draft, load->private->root, report);
    xd_config_join_sources(draft, report);
    config->maps = draft->maps;
    config->map_count = draft->map_count;
}

/* --- the definition --- */

/* A pointer into the definition as a pointer into the file: systems stand there by name. */
static void file_path(const loader *load, const char *pointer, char *path, size_t size)
{
    const char *systems = "/systems/";
    if (strncmp(pointer, systems, strlen(systems)) != 0) {
        snprintf(path, size, "/flow%s", pointer);
        return;
    }
    const char *index = pointer + strlen(systems);
    const char *end = index + strcspn(index, "/");
    int64_t number = 0;
    bool known = xd_str_to_int64((xd_str){index, (size_t)(end - index)}, &number) && number >= 0 &&
                 number < load->draft.system_count;
    snprintf(path, size, "/systems/%s%s", known ? load->draft.systems[number].name : "", end);
}

static xd_status fill_definition(loader *load, xd_config *config)
{
    xd_arena *arena = &load->private->arena;
    xd_fault fault = XD_FAULT_NONE;
    xd_str text = XD_STR_NULL;
    const xd_json *json = NULL;
    xd_definition definition;
    XD_TRY(xd_config_definition(load->private->root, &load->draft, arena, &text, &fault));
    XD_TRY(xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, arena, &json, &fault));
    xd_status status = xd_definition_read(json, arena, &definition, &fault);
    if (status != XD_OK) {
        char path[sizeof fault.path + 64];
        file_path(load, fault.path, path, sizeof path);
        REPORT(load, path, fault.rule, "%s", fault.text);
        return status;
    }
    config->definition = text;
    return XD_OK;
}

/* --- public --- */

static xd_status load_all(loader *load, xd_config *config)
{
    xd_config_private *private = load->private;
    XD_TRY(read_file(load->folder, &private->arena, &private->text, load->errors));
    XD_TRY(xd_yaml_parse(XD_CONFIG_FILE, private->text, &private->arena, &private->root,
                         load->errors));
    xd_config_read(private->root, XD_CONFIG_FILE, private->text, &private->arena, &load->draft,
                   load->errors);
    const xd_config_draft *draft = &load->draft;
    private->secrets = xd_arena_zalloc(
        &private->arena, (draft->key_count + draft->system_count + 1) * sizeof *private->secrets);
    if (!private->secrets) {
        return XD_NO_MEMORY;
    }
    fill_hub(load, config);
    check_limits(load);
    fill_maps(load, config);
    fill_sources(load, config);
    fill_systems(load);
    fill_keys(load);
    if (load->errors->count) {
        return XD_INVALID;
    }
    XD_TRY(fill_definition(load, config));
    config->ingress = draft->ingress;
    config->engine = draft->engine;
    config->outbound = draft->outbound;
    return XD_OK;
}

xd_status xd_config_load(const char *folder, xd_config_secrets secrets, xd_config *ret,
                         xd_config_errors *errors)
{
    *errors = (xd_config_errors){0};
    xd_config_private *private = calloc(1, sizeof *private);
    if (!private) {
        return XD_NO_MEMORY;
    }
    xd_arena_init(&private->arena, ARENA_CAP_BYTES);
    loader load = {.folder = folder,
                   .private = private,
                   .errors = errors,
                   .with_secrets = secrets == XD_CONFIG_WITH_SECRETS};
    xd_config config = {.folder = folder, .private = private};
    xd_status status = load_all(&load, &config);
    if (status == XD_OK) {
        xd_str copy = xd_arena_printf(&private->arena, "%s", folder);
        config.folder = copy.ptr;
        status = copy.ptr ? XD_OK : XD_NO_MEMORY;
    }
    if (status == XD_OK) {
        *ret = config;
        return XD_OK;
    }
    if (errors->count == 0) {
        xd_config_errors_add(errors, XD_CONFIG_FILE, XD_STR_NULL, -1, "", xd_code_name(status),
                             "the configuration could not be loaded: %s", xd_code_name(status));
    }
    xd_config_errors_sort(errors);
    xd_config_finish(&config);
    return status;
}

void xd_config_finish(xd_config *config)
{
    if (!config || !config->private) {
        return;
    }
    xd_config_private *private = config->private;
    for (uint32_t i = 0; i < private->secret_count; i++) {
        xd_secret_destroy(private->secrets[i]);
    }
    xd_arena_finish(&private->arena);
    free(private);
    *config = (xd_config){0};
}

/* --- reload --- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Finds the first difference between two trees and writes its pointer at path + length. */
static bool same_tree(const xd_json *a, const xd_json *b, char *path, size_t size)
{
    if (!a || !b || a->type != b->type) {
        return a == b;
    }
    size_t length = strlen(path);
    switch (a->type) {
    case XD_JSON_NUMBER:
    case XD_JSON_STRING:
        return xd_str_eq(a->text, b->text);
    case XD_JSON_ARRAY:
        for (uint32_t i = 0; i < a->count && i < b->count; i++) {
            if (!same_tree(&a->items[i], &b->items[i], path, size)) {
                return false;
            }
        }
        return a->count == b->count;
    case XD_JSON_OBJECT:
        for (uint32_t i = 0; i < a->count; i++) {
            snprintf(path + length, size - length, "/%.*s", XD_FMT(a->members[i].name));
            const xd_json *other = xd_json_get(b, a->members[i].name);
            bool keys = length == 0 && xd_str_eq(a->members[i].name, XD_STR("keys"));
            if (!keys && !same_tree(&a->members[i].value, other, path, size)) {
                return false;
            }
            path[length] = '\0';
        }
        for (uint32_t i = 0; i < b->count; i++) {
            bool keys = length == 0 && xd_str_eq(b->members[i].name, XD_STR("keys"));
            if (!keys && !xd_json_get(a, b->members[i].name)) {
                snprintf(path + length, size - length, "/%.*s", XD_FMT(b->members[i].name));
                return false;
            }
        }
        return true;
    default:
        return true;
    }
}

xd_status xd_config_may_reload(const xd_config *running, const xd_config *changed, xd_fault *fault)
{
    char path[192] = "";
    bool same = same_tree(running->private->root, changed->private->root, path, sizeof path);
    for (uint32_t i = 0; same && i < running->outbound.remote_count; i++) {
        const xd_remote_options *before = &running->outbound.remotes[i];
        if (!same_text(before->authorization, changed->outbound.remotes[i].authorization)) {
            setting(path, sizeof path, "systems", before->name, "authorization");
            same = false;
        }
    }
    if (same) {
        return XD_OK;
    }
    xd_status status = xd_fail(fault, XD_CONFLICT, "config.reload",
                               "%s changed, which a running hub cannot take: only keys can change "
                               "without a restart; nothing was changed",
                               path[0] ? path : "the file");
    xd_fault_at(fault, -1, path);
    return status;
}
