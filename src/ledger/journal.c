/* Builds, numbers, chains and verifies journal entries. See journal.h. Pure; calls base. */
#include "ledger/journal.h"

#include "base/planted.h"

#include <assert.h>

#define HASH_MEMBER ",\"hash\":\""
#define PREV_MEMBER ",\"prev\":\""

static xd_status no_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, "journal.memory", "no memory for a journal entry");
}

xd_status xd_journal_add(xd_journal *journal, xd_journal_line line, xd_fault *fault)
{
    if (xd_decimal_sign(line.amount) == 0) {
        return XD_OK;
    }
    xd_decimal amount;
    XD_TRY(xd_decimal_round(line.amount, journal->digits, XD_HALF_AWAY, &amount));
    if (xd_decimal_cmp(amount, line.amount) != 0) {
        return xd_fail(fault, XD_INVALID, "journal.digits",
                       "a journal amount has more digits than its currency %.*s allows",
                       XD_FMT(journal->currency));
    }
    line.amount = amount;
    if (journal->count == journal->size) {
        uint32_t size = journal->size ? journal->size * 2 : 8;
        xd_journal_line *grown = xd_arena_alloc(journal->arena, size * sizeof *grown);
        if (!grown) {
            return no_memory(fault);
        }
        if (journal->count) {
            memcpy(grown, journal->lines, journal->count * sizeof *grown);
        }
        journal->lines = grown;
        journal->size = size;
    }
    journal->lines[journal->count++] = line;
    return XD_OK;
}

xd_status xd_journal_check(const xd_journal *journal, xd_fault *fault)
{
    if (journal->count < 2) {
        return xd_fail(fault, XD_INVALID, "journal.lines",
                       "a journal entry for %.*s has fewer than two lines",
                       XD_FMT(journal->document));
    }
    xd_decimal sum = XD_ZERO;
    for (uint32_t i = 0; i < journal->count; i++) {
        if (xd_decimal_add(sum, journal->lines[i].amount, &sum) != XD_OK) {
            return xd_fail(fault, XD_OVERFLOW, "journal.overflow",
                           "the sum of a journal entry for %.*s leaves the representable range",
                           XD_FMT(journal->document));
        }
    }
    if (xd_decimal_sign(sum) != 0) {
        char text[XD_DECIMAL_MAX_TEXT];
        (void)xd_decimal_text(sum, text);
        return xd_fail(fault, XD_INVALID, "journal.balance",
                       "debits less credits of the journal entry for %.*s are %s, not zero",
                       XD_FMT(journal->document), text);
    }
    return XD_OK;
}

xd_status xd_journal_chain_read(const xd_json *json, xd_arena *arena, xd_journal_chain *ret,
                                xd_fault *fault)
{
    xd_journal_chain chain = {0};
    memset(chain.head, '0', XD_SHA256_HEX);
    if (json) {
        xd_str head = XD_TEXT(json, "head");
        const xd_json *numbers = XD_GET(json, "numbers");
        if (head.len != XD_SHA256_HEX || !numbers || numbers->type != XD_JSON_OBJECT) {
            return xd_fail(fault, XD_CORRUPT, "journal.chain",
                           "the stored journal numbers cannot be read");
        }
        memcpy(chain.head, head.ptr, XD_SHA256_HEX);
        chain.ordinal = XD_INT(json, "ordinal", 0);
        chain.count = chain.size = numbers->count;
        chain.numbers = xd_arena_alloc(arena, (numbers->count + 1) * sizeof *chain.numbers);
        if (!chain.numbers) {
            return no_memory(fault);
        }
        for (uint32_t i = 0; i < numbers->count; i++) {
            const xd_json_member *member = &numbers->members[i];
            chain.numbers[i] =
                (xd_journal_number){member->name, xd_json_get_int(numbers, member->name, 0)};
        }
    }
    *ret = chain;
    return XD_OK;
}

void xd_journal_chain_write(const xd_journal_chain *chain, xd_buf *buf)
{
    XD_BUF_LIT(buf, "{\"ordinal\":");
    xd_buf_int(buf, chain->ordinal);
    XD_BUF_LIT(buf, ",\"head\":\"");
    xd_buf_add(buf, chain->head, XD_SHA256_HEX);
    XD_BUF_LIT(buf, "\",\"numbers\":{");
    for (uint32_t i = 0; i < chain->count; i++) {
        if (i) {
            xd_buf_char(buf, ',');
        }
        xd_json_write_string(buf, chain->numbers[i].name);
        xd_buf_char(buf, ':');
        xd_buf_int(buf, chain->numbers[i].last);
    }
    XD_BUF_LIT(buf, "}}");
}

/* The counter of the entry's ledger and year, made at 0 when this is its first entry. */
static xd_status counter_of(const xd_journal *journal, xd_journal_chain *chain, xd_arena *arena,
                            xd_journal_number **ret, xd_fault *fault)
{
    xd_str ledger = journal->ledger;
    for (uint32_t i = 0; i < chain->count; i++) {
        xd_str name = chain->numbers[i].name;
        if (name.len == ledger.len + 5 && memcmp(name.ptr, ledger.ptr, ledger.len) == 0 &&
            memcmp(name.ptr + ledger.len + 1, journal->date.ptr, 4) == 0) {
            *ret = &chain->numbers[i];
            return XD_OK;
        }
    }
    if (chain->count == chain->size) {
        uint32_t size = chain->size ? chain->size * 2 : 4;
        xd_journal_number *grown = xd_arena_alloc(arena, size * sizeof *grown);
        if (!grown) {
            return no_memory(fault);
        }
        if (chain->count) {
            memcpy(grown, chain->numbers, chain->count * sizeof *grown);
        }
        chain->numbers = grown;
        chain->size = size;
    }
    xd_str name = xd_arena_printf(arena, "%.*s/%.4s", XD_FMT(ledger), journal->date.ptr);
    if (!name.ptr) {
        return no_memory(fault);
    }
    chain->numbers[chain->count] = (xd_journal_number){name, 0};
    *ret = &chain->numbers[chain->count++];
    return XD_OK;
}

void xd_journal_write_lines(xd_buf *buf, const xd_journal_line *lines, uint32_t count)
{
    xd_buf_char(buf, '[');
    for (uint32_t i = 0; i < count; i++) {
        const xd_journal_line *line = &lines[i];
        xd_buf_str_add(buf, i ? XD_STR(",{\"account\":") : XD_STR("{\"account\":"));
        xd_json_write_string(buf, line->account);
        if (line->role.len) {
            XD_BUF_LIT(buf, ",\"role\":\"");
            xd_buf_str_add(buf, line->role);
            xd_buf_char(buf, '"');
        }
        xd_buf_str_add(buf, line->amount.coefficient > 0 ? XD_STR(",\"debit\":\"")
                                                         : XD_STR(",\"credit\":\""));
        xd_decimal_write(buf, xd_decimal_abs(line->amount));
        xd_buf_char(buf, '"');
        if (line->po_line) {
            XD_BUF_LIT(buf, ",\"po_line\":");
            xd_buf_int(buf, line->po_line);
        }
        if (line->item.len) {
            XD_BUF_LIT(buf, ",\"item\":");
            xd_json_write_string(buf, line->item);
        }
        if (line->site.len) {
            XD_BUF_LIT(buf, ",\"site\":");
            xd_json_write_string(buf, line->site);
        }
        xd_buf_char(buf, '}');
    }
    xd_buf_char(buf, ']');
}

static void write_text(xd_buf *buf, const char *member, xd_str value)
{
    xd_buf_str_add(buf, xd_str_from(member));
    xd_json_write_string(buf, value);
}

/* The entry without its hash: what the hash covers. */
static void write_body(xd_buf *buf, const xd_journal *journal, const xd_journal_chain *chain,
                       int64_t number)
{
    XD_BUF_LIT(buf, "{\"ordinal\":");
    xd_buf_int(buf, chain->ordinal + 1);
    write_text(buf, ",\"ledger\":", journal->ledger);
    XD_BUF_LIT(buf, ",\"year\":");
    int64_t year = 0;
    (void)xd_str_to_int64((xd_str){journal->date.ptr, 4}, &year);
    xd_buf_int(buf, year);
    XD_BUF_LIT(buf, ",\"number\":");
    xd_buf_int(buf, number);
    XD_BUF_LIT(buf, ",\"date\":\"");
    xd_buf_str_add(buf, journal->date);
    XD_BUF_LIT(buf, "\",\"currency\":\"");
    xd_buf_str_add(buf, journal->currency);
    XD_BUF_LIT(buf, "\",\"kind\":\"");
    xd_buf_str_add(buf, xd_str_from(journal->kind));
    xd_buf_char(buf, '"');
    write_text(buf, ",\"document\":", journal->document);
    if (journal->po.len) {
        write_text(buf, ",\"po\":", journal->po);
    }
    XD_BUF_LIT(buf, ",\"seq\":");
    xd_buf_int(buf, journal->seq);
    write_text(buf, ",\"source\":", journal->source);
    write_text(buf, ",\"event\":", journal->event);
    write_text(buf, ",\"actor\":", journal->actor);
    if (journal->reversal_of) {
        XD_BUF_LIT(buf, ",\"reversal_of\":");
        xd_buf_int(buf, journal->reversal_of);
    }
    XD_BUF_LIT(buf, ",\"lines\":");
    xd_journal_write_lines(buf, journal->lines, journal->count);
    XD_BUF_LIT(buf, PREV_MEMBER);
    xd_buf_add(buf, chain->head, XD_SHA256_HEX);
    xd_buf_char(buf, '"');
}

xd_status xd_journal_post(const xd_journal *journal, xd_journal_chain *chain, xd_arena *arena,
                          xd_buf *buf, int64_t *ret_number, xd_fault *fault)
{
    assert(journal->date.len == 10);
    if (!XD_PLANTED(unbalanced_rounding)) {
        XD_TRY(xd_journal_check(journal, fault));
    }
    xd_journal_number *counter = NULL;
    XD_TRY(counter_of(journal, chain, arena, &counter, fault));
    size_t start = buf->len;
    write_body(buf, journal, chain, counter->last + 1);
    char hash[XD_SHA256_HEX + 1];
    uint8_t digest[XD_SHA256_BYTES];
    if (!buf->failed) {
        xd_sha256_of((xd_str){buf->ptr + start, buf->len - start}, digest);
        xd_hex(digest, sizeof digest, hash);
        XD_BUF_LIT(buf, HASH_MEMBER);
        xd_buf_add(buf, hash, XD_SHA256_HEX);
        XD_BUF_LIT(buf, "\"}");
    }
    if (buf->failed) {
        return no_memory(fault);
    }
    counter->last += !(XD_PLANTED(journal_number_reused) && chain->ordinal % 8 == 7);
    chain->ordinal++;
    memcpy(chain->head, hash, sizeof chain->head);
    *ret_number = counter->last;
    return XD_OK;
}

xd_status xd_journal_verify(xd_str text, xd_str previous, xd_str *ret_hash, xd_fault *fault)
{
    const size_t tail = sizeof HASH_MEMBER - 1 + XD_SHA256_HEX + 2;
    const size_t link = sizeof PREV_MEMBER - 1 + XD_SHA256_HEX + 1;
    if (text.len < tail + link ||
        memcmp(text.ptr + text.len - tail, HASH_MEMBER, sizeof HASH_MEMBER - 1) != 0 ||
        memcmp(text.ptr + text.len - tail - link, PREV_MEMBER, sizeof PREV_MEMBER - 1) != 0) {
        return xd_fail(fault, XD_CORRUPT, "journal.content",
                       "the journal entry lacks its hash members");
    }
    uint8_t digest[XD_SHA256_BYTES];
    char hash[XD_SHA256_HEX + 1];
    xd_sha256_of((xd_str){text.ptr, text.len - tail}, digest);
    xd_hex(digest, sizeof digest, hash);
    xd_str stored = {text.ptr + text.len - 2 - XD_SHA256_HEX, XD_SHA256_HEX};
    if (memcmp(hash, stored.ptr, XD_SHA256_HEX) != 0) {
        return xd_fail(fault, XD_CORRUPT, "journal.content",
                       "the journal entry was changed after it was posted: its bytes give hash %s",
                       hash);
    }
    xd_str prev = {text.ptr + text.len - tail - 1 - XD_SHA256_HEX, XD_SHA256_HEX};
    if (!xd_str_eq(prev, previous)) {
        return xd_fail(fault, XD_CORRUPT, "journal.link",
                       "the journal entry follows %.*s, but the entry before it has hash %.*s",
                       XD_FMT(prev), XD_FMT(previous));
    }
    *ret_hash = stored;
    return XD_OK;
}
