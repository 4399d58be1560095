/* Character encodings by iconv: streams into UTF-8, texts out of UTF-8, and tables for encodings of
 * one byte a character, where positions must stay those of the file. Private to src/format. */
#ifndef XD_FORMAT_ENCODING_INT_H
#define XD_FORMAT_ENCODING_INT_H

#include "base/buf.h"
#include "base/status.h"

/* What each byte of a one-byte encoding stands for, in UTF-8; length 0: nothing. */
typedef struct xd_code_page {
    char bytes[256][3];
    uint8_t length[256];
    bool ascii;  /* bytes below 0x80 stand for themselves */
    bool ebcdic; /* digits from 0xF0 on; U+0085 ends lines */
} xd_code_page;

typedef struct xd_encoding {
    char name[32];      /* as iconv knows it; "" is UTF-8 unless a byte order mark says otherwise */
    bool utf8;          /* name is "" or UTF-8 */
    bool one_byte;      /* page is filled */
    xd_code_page *page; /* owns; NULL unless one_byte */
} xd_encoding;

/* name "" is UTF-8, or what a byte order mark says. XD_INVALID, rule "layout.encoding". */
XD_CHECKED xd_status xd_encoding_init(xd_encoding *encoding, xd_str name, xd_fault *fault);
void xd_encoding_finish(xd_encoding *encoding);

/* A stream into UTF-8. Bytes of UTF-8 pass unchecked and uncopied; their byte order mark goes. */
typedef struct xd_decoder {
    const xd_encoding *encoding; /* borrows */
    void *converter;             /* iconv_t; NULL while closed */
    xd_buf out;                  /* owns */
    xd_str piece;                /* borrows */
    size_t at;                   /* in piece */
    bool last, started, pass, any_text;
    char held[8]; /* bytes that wait for more: a mark or half a character */
    size_t held_count;
    int64_t consumed; /* bytes of the stream so far */
    xd_fault fault;   /* waits until the text before it has been given */
} xd_decoder;

void xd_decoder_init(xd_decoder *decoder, const xd_encoding *encoding);
void xd_decoder_finish(xd_decoder *decoder);
void xd_decoder_feed(xd_decoder *decoder, xd_str piece, bool last);
/* The next stretch of UTF-8, good until the next call; *ret_last when nothing follows it. Empty and
 * not last: feed. XD_INVALID, rule "encoding.invalid", offset in the stream. */
XD_CHECKED xd_status xd_decoder_next(xd_decoder *decoder, xd_str *ret, bool *ret_last,
                                     xd_fault *fault);

/* Appends text (UTF-8) in the encoding. XD_INVALID, rule "encoding.missing", offset in text of the
 * first character that the encoding does not have. */
XD_CHECKED xd_status xd_encoding_write(const xd_encoding *encoding, xd_str text, xd_buf *buf,
                                       xd_fault *fault);
/* Bytes of a one-byte encoding as UTF-8. XD_INVALID, offset in bytes; what stands before is
 * appended still. */
XD_CHECKED xd_status xd_code_page_read(const xd_code_page *page, xd_str bytes, xd_buf *buf,
                                       xd_fault *fault);

#endif
