/* Character encodings. See encoding_int.h. Calls iconv, which may read its own conversion tables
 * and nothing else. */
#include "format/encoding_int.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>

enum { STRETCH_BYTES = 1 << 16, MOST_PER_BYTE = 4 };

static bool open_converter(const char *to, const char *from, iconv_t *ret)
{
    *ret = iconv_open(to, from);
    return *ret != (iconv_t)-1;
}

/* Converts *in, moving it on; 0, or the errno that stopped it. */
static int convert(iconv_t converter, xd_str *in, char *out, size_t size, size_t *ret_written)
{
    char *from = (char *)(uintptr_t)in->ptr;
    char *to = out;
    size_t left = in->len;
    size_t room = size;
    errno = 0;
    size_t result = iconv(converter, &from, &left, &to, &room);
    *ret_written = size - room;
    *in = (xd_str){from, left};
    return result == (size_t)-1 ? errno : 0;
}

/* Fills page; false when some byte begins a longer character. */
static bool read_page(const char *name, xd_code_page *page)
{
    iconv_t converter;
    if (!open_converter("UTF-8", name, &converter)) {
        return false;
    }
    bool one_byte = true;
    *page = (xd_code_page){.ascii = true};
    for (unsigned i = 0; i < 256 && one_byte; i++) {
        char byte = (char)i;
        char out[8];
        size_t written = 0;
        xd_str in = {&byte, 1};
        iconv(converter, NULL, NULL, NULL, NULL);
        int error = convert(converter, &in, out, sizeof out, &written);
        one_byte = error == EILSEQ || (error == 0 && written >= 1 && written <= 3);
        if (one_byte && error == 0) {
            memcpy(page->bytes[i], out, written);
            page->length[i] = (uint8_t)written;
        }
        page->ascii &= i >= 0x80 || (written == 1 && out[0] == byte);
    }
    iconv_close(converter);
    page->ebcdic = page->length[0xF0] == 1 && page->bytes[0xF0][0] == '0';
    if (page->ebcdic) {
        /* EBCDIC ends lines with NEL (U+0085), which only we know as a line end. */
        page->bytes[0x15][0] = '\n';
        page->length[0x15] = 1;
    }
    return one_byte;
}

static bool is_utf8(const char *name)
{
    static const char *const names[] = {"", "UTF-8", "utf-8", "UTF8", "utf8"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

xd_status xd_encoding_init(xd_encoding *encoding, xd_str name, xd_fault *fault)
{
    xd_encoding new = {.utf8 = false};
    iconv_t converter;
    bool plain = name.len < sizeof new.name;
    for (size_t i = 0; plain && i < name.len; i++) {
        plain = name.ptr[i] > ' ' && name.ptr[i] < 0x7F && name.ptr[i] != '/';
    }
    if (plain) {
        snprintf(new.name, sizeof new.name, "%.*s", XD_FMT(name));
        new.utf8 = is_utf8(new.name);
    }
    if (!plain || (!new.utf8 && !open_converter("UTF-8", new.name, &converter))) {
        return xd_fail(fault, XD_INVALID, "layout.encoding",
                       "the encoding \"%.*s\" is not known; common ones are UTF-8, ISO-8859-1, "
                       "windows-1252, UTF-16, CP037, CP500 and CP1047",
                       name.len < 40 ? (int)name.len : 40, name.ptr);
    }
    if (!new.utf8) {
        iconv_close(converter);
        new.page = malloc(sizeof *new.page);
        if (!new.page) {
            return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory for a code page");
        }
        new.one_byte = read_page(new.name, new.page);
        if (!new.one_byte) {
            free(new.page);
            new.page = NULL;
        }
    }
    *encoding = new;
    return XD_OK;
}

void xd_encoding_finish(xd_encoding *encoding)
{
    free(encoding->page);
    encoding->page = NULL;
}

void xd_decoder_init(xd_decoder *decoder, const xd_encoding *encoding)
{
    *decoder = (xd_decoder){.encoding = encoding, .piece = XD_STR("")};
    xd_buf_init(&decoder->out, (size_t)STRETCH_BYTES * MOST_PER_BYTE + 64);
}

void xd_decoder_finish(xd_decoder *decoder)
{
    if (decoder->converter) {
        iconv_close((iconv_t)decoder->converter);
    }
    xd_buf_finish(&decoder->out);
}

void xd_decoder_feed(xd_decoder *decoder, xd_str piece, bool last)
{
    decoder->piece = piece.ptr ? piece : XD_STR("");
    decoder->at = 0;
    decoder->last = last;
}

static bool starts(const xd_decoder *decoder, const char *mark, size_t n)
{
    return decoder->held_count >= n && memcmp(decoder->held, mark, n) == 0;
}

/* Decides from the first bytes, which are held, how the stream is read; drops the mark. */
static xd_status choose(xd_decoder *decoder, xd_fault *fault)
{
    const xd_encoding *encoding = decoder->encoding;
    const char *name = encoding->name;
    size_t mark = 0;
    bool any = name[0] == '\0';
    bool utf16 = strcmp(name, "UTF-16") == 0 || strcmp(name, "utf-16") == 0;
    if (encoding->utf8 && starts(decoder, "\xEF\xBB\xBF", 3)) {
        mark = 3;
    } else if ((any || utf16) && starts(decoder, "\xFF\xFE", 2)) {
        mark = 2;
        name = "UTF-16LE";
    } else if ((any || utf16) && starts(decoder, "\xFE\xFF", 2)) {
        mark = 2;
        name = "UTF-16BE";
    } else if (utf16) {
        /* Without a mark the first character tells: it is nearly always ASCII. */
        name = decoder->held_count && decoder->held[0] == '\0' ? "UTF-16BE" : "UTF-16LE";
    }
    decoder->started = true;
    decoder->any_text = mark > 0; /* another one behind it is text */
    decoder->pass = encoding->utf8 && (mark == 0 || mark == 3);
    decoder->held_count -= mark;
    memmove(decoder->held, decoder->held + mark, decoder->held_count);
    decoder->consumed += (int64_t)mark;
    if (!decoder->pass && !encoding->one_byte) {
        iconv_t converter;
        if (!open_converter("UTF-8", name, &converter)) {
            return xd_fail(fault, XD_NO_MEMORY, NULL, "cannot convert from %s", name);
        }
        decoder->converter = converter;
    }
    return XD_OK;
}

static xd_status invalid(const xd_decoder *decoder, int64_t offset, xd_fault *fault)
{
    xd_status status = xd_fail(fault, XD_INVALID, "encoding.invalid",
                               "the bytes here are no character in %s; check the layout's encoding",
                               decoder->encoding->name);
    xd_fault_at(fault, offset, NULL);
    return status;
}

static xd_status out_of_memory(xd_fault *fault)
{
    return xd_fail(fault, XD_NO_MEMORY, NULL, "no memory to convert characters");
}

xd_status xd_code_page_read(const xd_code_page *page, xd_str bytes, xd_buf *buf, xd_fault *fault)
{
    if (bytes.len == 0) {
        return XD_OK;
    }
    if (!xd_buf_reserve(buf, bytes.len * 3)) {
        return out_of_memory(fault);
    }
    char *to = buf->ptr + buf->len;
    size_t i = 0;
    while (i < bytes.len) {
        uint64_t word;
        while (page->ascii && bytes.len - i >= sizeof word) {
            memcpy(&word, bytes.ptr + i, sizeof word);
            if (word & UINT64_C(0x8080808080808080)) {
                break;
            }
            memcpy(to, &word, sizeof word);
            to += sizeof word;
            i += sizeof word;
        }
        if (i == bytes.len) {
            break;
        }
        uint8_t c = (uint8_t)bytes.ptr[i];
        size_t n = page->length[c];
        if (n == 0) {
            xd_status status =
                xd_fail(fault, XD_INVALID, "encoding.invalid",
                        "the byte 0x%02X is no character in the layout's encoding", c);
            xd_fault_at(fault, (int64_t)i, NULL);
            return status;
        }
        to[0] = page->bytes[c][0]; /* most characters are one byte */
        for (size_t k = 1; k < n; k++) {
            to[k] = page->bytes[c][k];
        }
        to += n;
        i++;
    }
    buf->len = (size_t)(to - buf->ptr);
    return XD_OK;
}

/* Converts bytes by iconv; what is half a character at the end is held. */
static xd_status convert_stretch(xd_decoder *decoder, xd_str bytes, xd_fault *fault)
{
    int64_t begin = decoder->consumed;
    if (!xd_buf_reserve(&decoder->out, (bytes.len + sizeof decoder->held) * MOST_PER_BYTE)) {
        return out_of_memory(fault);
    }
    while (decoder->held_count && bytes.len) { /* completes what is held, byte by byte */
        decoder->held[decoder->held_count++] = bytes.ptr[0];
        bytes.ptr++;
        bytes.len--;
        decoder->consumed++;
        xd_str held = {decoder->held, decoder->held_count};
        size_t written = 0;
        int error = convert((iconv_t)decoder->converter, &held, decoder->out.ptr + decoder->out.len,
                            decoder->out.size - decoder->out.len, &written);
        decoder->out.len += written;
        if (error == EILSEQ || decoder->held_count == sizeof decoder->held) {
            return invalid(decoder, begin, fault);
        }
        decoder->held_count = held.len;
        memmove(decoder->held, held.ptr, held.len);
    }
    if (bytes.len == 0) {
        return XD_OK; /* what is held waits on */
    }
    size_t written = 0;
    xd_str rest = bytes;
    int error = convert((iconv_t)decoder->converter, &rest, decoder->out.ptr + decoder->out.len,
                        decoder->out.size - decoder->out.len, &written);
    decoder->out.len += written;
    decoder->consumed += (int64_t)(bytes.len - rest.len);
    if (error == EILSEQ || (error == EINVAL && rest.len >= sizeof decoder->held)) {
        return invalid(decoder, decoder->consumed, fault);
    }
    memcpy(decoder->held, rest.ptr, rest.len);
    decoder->held_count = rest.len;
    decoder->consumed += (int64_t)rest.len;
    return XD_OK;
}

/* The converted text; a byte order mark in front of the whole is none of it. */
static xd_str without_mark(xd_decoder *decoder)
{
    xd_str text = xd_buf_str(&decoder->out);
    bool mark = decoder->converter && !decoder->any_text && text.len >= 3 &&
                memcmp(text.ptr, "\xEF\xBB\xBF", 3) == 0;
    decoder->any_text = decoder->any_text || text.len > 0;
    return mark ? (xd_str){text.ptr + 3, text.len - 3} : text;
}

/* Collects the first bytes until a byte order mark can be told; false: feed more. */
static bool collect_start(xd_decoder *decoder)
{
    while (decoder->held_count < 3 && decoder->at < decoder->piece.len) {
        decoder->held[decoder->held_count++] = decoder->piece.ptr[decoder->at++];
    }
    return decoder->held_count == 3 || decoder->last;
}

static xd_status decode(xd_decoder *decoder, xd_str *ret, bool *ret_last, xd_fault *fault)
{
    xd_buf_clear(&decoder->out);
    if (!decoder->started) {
        if (!collect_start(decoder)) {
            *ret = XD_STR_NULL;
            *ret_last = false;
            return XD_OK;
        }
        XD_TRY(choose(decoder, fault));
        xd_str first = {decoder->held, decoder->held_count};
        if (decoder->pass) {
            xd_buf_str_add(&decoder->out, first);
            decoder->held_count = 0;
        } else if (decoder->encoding->one_byte) {
            XD_TRY(xd_code_page_read(decoder->encoding->page, first, &decoder->out, fault));
            decoder->held_count = 0;
        } else {
            char held[8];
            memcpy(held, decoder->held, sizeof held);
            decoder->held_count = 0;
            XD_TRY(convert_stretch(decoder, (xd_str){held, first.len}, fault));
        }
        xd_str text = without_mark(decoder);
        if (text.len) {
            *ret = text;
            *ret_last =
                decoder->last && decoder->at == decoder->piece.len && decoder->held_count == 0;
            return XD_OK;
        }
    }
    xd_buf_clear(&decoder->out);
    xd_str rest = {decoder->piece.ptr + decoder->at, decoder->piece.len - decoder->at};
    if (!decoder->pass && rest.len > STRETCH_BYTES) {
        rest.len = STRETCH_BYTES;
    }
    decoder->at += rest.len;
    bool end = decoder->last && decoder->at == decoder->piece.len;
    if (decoder->pass) {
        *ret = rest;
        *ret_last = end;
        return XD_OK;
    }
    if (decoder->encoding->one_byte) {
        int64_t begin = decoder->consumed;
        xd_status status = xd_code_page_read(decoder->encoding->page, rest, &decoder->out, fault);
        if (status != XD_OK) {
            xd_fault_at(fault, fault ? begin + fault->offset : -1, NULL);
            return status;
        }
        decoder->consumed += (int64_t)rest.len;
    } else {
        XD_TRY(convert_stretch(decoder, rest, fault));
        if (end && decoder->held_count) {
            return invalid(decoder, decoder->consumed - (int64_t)decoder->held_count, fault);
        }
    }
    *ret = without_mark(decoder);
    *ret_last = end;
    return XD_OK;
}

xd_status xd_decoder_next(xd_decoder *decoder, xd_str *ret, bool *ret_last, xd_fault *fault)
{
    xd_fault own = XD_FAULT_NONE;
    xd_status status = decoder->fault.code;
    if (status == XD_OK) {
        status = decode(decoder, ret, ret_last, &own);
        xd_str text = status == XD_INVALID ? without_mark(decoder) : XD_STR_NULL;
        if (text.len == 0) {
            if (status != XD_OK && fault) {
                *fault = own;
            }
            return status;
        }
        /* What stands before the bad bytes comes first. */
        decoder->fault = own;
        *ret = text;
        *ret_last = false;
        return XD_OK;
    }
    if (fault) {
        *fault = decoder->fault;
    }
    return status;
}

xd_status xd_encoding_write(const xd_encoding *encoding, xd_str text, xd_buf *buf, xd_fault *fault)
{
    if (encoding->utf8) {
        xd_buf_str_add(buf, text);
        return buf->failed ? out_of_memory(fault) : XD_OK;
    }
    iconv_t converter;
    if (!xd_buf_reserve(buf, text.len * MOST_PER_BYTE + 8) ||
        !open_converter(encoding->name, "UTF-8", &converter)) {
        return out_of_memory(fault);
    }
    xd_str rest = text;
    size_t written = 0;
    int error = convert(converter, &rest, buf->ptr + buf->len, buf->size - buf->len, &written);
    iconv_close(converter);
    if (error) {
        size_t n = 1;
        while (n < rest.len && n < 4 && ((uint8_t)rest.ptr[n] & 0xC0) == 0x80) {
            n++;
        }
        xd_status status =
            xd_fail(fault, XD_INVALID, "encoding.missing", "%s has no character for '%.*s'",
                    encoding->name, (int)(n < rest.len ? n : rest.len), rest.ptr);
        xd_fault_at(fault, (int64_t)(text.len - rest.len), NULL);
        return status;
    }
    buf->len += written;
    return XD_OK;
}
