/* `crossdock key`: making bearer keys. The secret is printed once and kept nowhere. */
#include "app/cli.h"

#include "app/config_int.h"
#include "app/secret.h"
#include "base/hash.h"
#include "canon/nearest.h"

#include <stdio.h>
#include <sys/random.h>

enum { RANDOM_BYTES = 32 };

static void hash_text(xd_str secret, char *ret_hex)
{
    uint8_t digest[XD_SHA256_BYTES];
    xd_sha256_of(secret, digest);
    xd_hex(digest, sizeof digest, ret_hex);
}

/* "cd_" and 64 hex digits: 256 random bits, easy to recognise when it leaks into a text. */
static bool make_secret(char *ret_secret)
{
    uint8_t bytes[RANDOM_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return false;
    }
    memcpy(ret_secret, "cd_", 3);
    xd_hex(bytes, sizeof bytes, ret_secret + 3);
    xd_secret_wipe(bytes, sizeof bytes);
    return true;
}

/* Checks a list such as "read,decide" and writes it as YAML and JSON want it, separated by
 * separator and quoted by quote. False after saying what is wrong. */
static bool write_scopes(xd_buf *buf, const char *list, const char *separator, const char *quote)
{
    bool first = true;
    while (*list) {
        xd_str scope = {list, strcspn(list, ",")};
        xd_nearest near = xd_nearest_to(scope);
        bool known = false;
        for (int i = 0; xd_config_scopes.names[i]; i++) {
            known = known || xd_str_eq(scope, xd_str_from(xd_config_scopes.names[i]));
            xd_nearest_offer(&near, xd_config_scopes.names[i]);
        }
        if (!known) {
            xd_cli_say(
                XD_EXIT_USAGE,
                "--scopes takes events:write, read, decide and metrics; found \"%.*s\"%s%s%s",
                XD_FMT(scope), near.best ? ", did you mean " : "", near.best ? near.best : "",
                near.best ? "?" : "");
            return false;
        }
        xd_buf_printf(buf, "%s%s%.*s%s", first ? "" : separator, quote, XD_FMT(scope), quote);
        first = false;
        list += scope.len;
        list += *list == ',';
    }
    return true;
}

static bool check_words(const char *name, const char *person)
{
    size_t bad = 0;
    const xd_config_format_info *format = &xd_config_formats[XD_CONFIG_NAME];
    if (!format->holds(xd_str_from(name))) {
        xd_cli_say(XD_EXIT_USAGE, "the key's NAME must be %s; found \"%s\"", format->words, name);
        return false;
    }
    if (strpbrk(person, "\"\\'\n") || !xd_utf8_valid(xd_str_from(person), &bad)) {
        xd_cli_say(XD_EXIT_USAGE, "--person takes a name without quotes or line ends");
        return false;
    }
    return true;
}

int xd_cmd_key_new(xd_cli *cli)
{
    const char *name = cli->arguments[0];
    const char *scopes = xd_cli_option(cli, "scopes");
    const char *person = xd_cli_option(cli, "person");
    if (!scopes || !scopes[0]) {
        return xd_cli_say(XD_EXIT_USAGE,
                          "--scopes is needed: what the key may do, such as events:write,read");
    }
    if (!check_words(name, person ? person : "")) {
        return XD_EXIT_USAGE;
    }
    char secret[3 + 2 * RANDOM_BYTES + 1];
    char hex[XD_SHA256_HEX + 1];
    if (!make_secret(secret)) {
        return xd_cli_say(XD_EXIT_FAILED, "the system gave no random bytes");
    }
    hash_text(xd_str_from(secret), hex);
    xd_buf buf;
    xd_buf_init(&buf, 1 << 16);
    bool good = true;
    if (cli->json) {
        xd_buf_printf(&buf, "{\"name\":\"%s\",\"person\":\"%s\",\"scopes\":[", name,
                      person ? person : "");
        good = write_scopes(&buf, scopes, ",", "\"");
        xd_buf_printf(&buf, "],\"secret\":\"%s\",\"hash\":\"sha256:%s\"}\n", secret, hex);
    } else {
        xd_buf_printf(&buf,
                      "Secret of \"%s\", shown this once; callers send it as\n"
                      "  Authorization: Bearer %s\n\nLines for crossdock.yaml:\n\nkeys:\n  %s:\n",
                      name, secret, name);
        if (person) {
            xd_buf_printf(&buf, "    person: \"%s\"\n", person);
        }
        XD_BUF_LIT(&buf, "    scopes: [");
        good = write_scopes(&buf, scopes, ", ", "");
        xd_buf_printf(&buf, "]\n    hash: sha256:%s\n", hex);
    }
    int answer = good ? xd_cli_print(&buf) : XD_EXIT_USAGE;
    xd_secret_wipe(secret, sizeof secret);
    xd_secret_wipe(buf.ptr, buf.len);
    xd_buf_finish(&buf);
    return answer;
}

int xd_cmd_key_hash(xd_cli *cli)
{
    (void)cli;
    char secret[XD_SECRET_MAX_BYTES + 1];
    size_t n = fread(secret, 1, sizeof secret, stdin);
    if (n > XD_SECRET_MAX_BYTES) {
        return xd_cli_say(XD_EXIT_FAILED, "the secret is over %d bytes", XD_SECRET_MAX_BYTES);
    }
    while (n && (secret[n - 1] == '\n' || secret[n - 1] == '\r')) {
        n--;
    }
    if (n == 0) {
        return xd_cli_say(XD_EXIT_USAGE, "give the secret on standard input");
    }
    char hex[XD_SHA256_HEX + 1];
    hash_text((xd_str){secret, n}, hex);
    xd_secret_wipe(secret, sizeof secret);
    printf("sha256:%s\n", hex);
    return XD_EXIT_OK;
}
