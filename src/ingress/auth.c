/* Who may do what: bearer keys over TCP, the account of the peer on the control socket. Keeps no
 * secret: a key is known by its SHA-256. */
#define _GNU_SOURCE /* struct ucred */

#include "ingress/ingress_int.h"

#include "base/hash.h"

#include <pwd.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

static const struct {
    uint32_t scope;
    const char *name;
} scope_names[] = {{XD_SCOPE_EVENTS_WRITE, "events:write"},
                   {XD_SCOPE_READ, "read"},
                   {XD_SCOPE_DECIDE, "decide"},
                   {XD_SCOPE_METRICS, "metrics"}};

void xd_auth_name_peer(xd_client *client)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        return;
    }
    struct passwd account;
    struct passwd *found = NULL;
    char strings[4096];
    if (getpwuid_r(credentials.uid, &account, strings, sizeof strings, &found) == 0 && found) {
        snprintf(client->user, sizeof client->user, "%s", found->pw_name);
    } else {
        snprintf(client->user, sizeof client->user, "uid-%u", (unsigned)credentials.uid);
    }
}

static bool refuse_unknown(xd_request *r, const char *rule, const char *text)
{
    r->authenticate = true;
    xd_request_refuse_text(r, 401, XD_DENIED, rule, "%s", text);
    return false;
}

/* The secret of an Authorization header value; ptr NULL when it is no bearer token. */
static xd_str bearer_secret(xd_str value)
{
    if (value.len < 8 || strncasecmp(value.ptr, "bearer ", 7) != 0) {
        return XD_STR_NULL;
    }
    xd_str secret = {value.ptr + 7, value.len - 7};
    while (secret.len > 0 && secret.ptr[0] == ' ') {
        secret.ptr++;
        secret.len--;
    }
    while (secret.len > 0 && secret.ptr[secret.len - 1] == ' ') {
        secret.len--;
    }
    return secret.len ? secret : XD_STR_NULL;
}

/* Copies what is needed of the key with this hash while the keys cannot be swapped. All keys are
 * compared, so that the time says nothing about which one it was. */
static bool find_key(xd_request *r, const uint8_t *hash, uint32_t *ret_scopes,
                     uint32_t *ret_key_count)
{
    xd_ingress *g = r->client->ingress;
    const xd_key *found = NULL;
    pthread_rwlock_rdlock(&g->keys_lock);
    *ret_key_count = g->key_count;
    for (uint32_t i = 0; i < g->key_count; i++) {
        xd_str known = {(const char *)g->keys[i].hash, XD_SHA256_BYTES};
        if (xd_secret_equal(known, (xd_str){(const char *)hash, XD_SHA256_BYTES})) {
            found = &g->keys[i];
        }
    }
    if (found) {
        snprintf(r->caller, sizeof r->caller, "%s", found->name);
        snprintf(r->person, sizeof r->person, "%s", found->person ? found->person : "");
        *ret_scopes = found->scopes;
    }
    pthread_rwlock_unlock(&g->keys_lock);
    return found != NULL;
}

static bool check_scopes(xd_request *r, uint32_t scopes)
{
    if (r->route->scopes & scopes) {
        return true;
    }
    char needed[64] = "";
    for (size_t i = 0, n = 0; i < sizeof scope_names / sizeof scope_names[0]; i++) {
        if (r->route->scopes & scope_names[i].scope) {
            int k = snprintf(needed + n, sizeof needed - n, "%s%s", n ? " or " : "",
                             scope_names[i].name);
            n += k > 0 ? (size_t)k : 0;
        }
    }
    xd_request_refuse_text(r, 403, XD_DENIED, "key.scope",
                           "key %s lacks the scope %s that this needs", r->caller, needed);
    return false;
}

static bool check_local(xd_request *r)
{
    xd_str person = r->headers.person;
    if (person.len >= sizeof r->person) {
        xd_request_refuse_text(r, 400, XD_INVALID, "http.person",
                               "X-Crossdock-Person has %zu bytes; at most %zu are taken",
                               person.len, sizeof r->person - 1);
        return false;
    }
    snprintf(r->caller, sizeof r->caller, "local");
    if (person.len) {
        memcpy(r->person, person.ptr, person.len);
        r->person[person.len] = '\0';
    } else {
        snprintf(r->person, sizeof r->person, "%s", r->client->user);
    }
    r->person_may_be_named = true;
    return true;
}

bool xd_auth_check(xd_request *r)
{
    if (r->route->scopes == 0) {
        return true;
    }
    if (r->client->local) {
        return check_local(r);
    }
    if (!r->headers.authorization.ptr && r->client->ingress->options.open_loopback &&
        (r->route->scopes & XD_SCOPE_EVENTS_WRITE)) {
        snprintf(r->caller, sizeof r->caller, "loopback");
        return true;
    }
    xd_str secret = bearer_secret(r->headers.authorization);
    uint8_t hash[XD_SHA256_BYTES] = {0};
    uint32_t scopes = 0;
    uint32_t key_count = 0;
    if (secret.ptr) {
        xd_sha256_of(secret, hash);
    }
    bool known = find_key(r, hash, &scopes, &key_count) && secret.ptr;
    if (key_count == 0) {
        return refuse_unknown(r, "key.none",
                              "this hub has no keys, so it lets nobody in over the network: make "
                              "one with `crossdock key new NAME`, add it under keys in "
                              "crossdock.yaml and reload; the command line on the hub's own "
                              "machine needs none");
    }
    if (!secret.ptr) {
        return refuse_unknown(r, "key.missing",
                              "send a key of this hub as Authorization: Bearer SECRET");
    }
    if (!known) {
        return refuse_unknown(r, "key.unknown", "this key is not, or no longer, one of the hub's");
    }
    r->person_may_be_named = r->person[0] == '\0';
    return check_scopes(r, scopes);
}
