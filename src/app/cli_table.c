/* Tables and emphasis on the terminal. See cli.h. */
#include "app/cli.h"

#include <stdio.h>

const char *xd_cli_style(const xd_cli *cli, xd_style style)
{
    static const char *const sequences[] = {
        [XD_STYLE_BOLD] = "\033[1m",   [XD_STYLE_DIM] = "\033[2m",     [XD_STYLE_RED] = "\033[31m",
        [XD_STYLE_GREEN] = "\033[32m", [XD_STYLE_YELLOW] = "\033[33m",
    };
    return cli->color ? sequences[style] : "";
}

const char *xd_cli_plain(const xd_cli *cli)
{
    return cli->color ? "\033[0m" : "";
}

static void add_visible(xd_buf *buf, xd_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        xd_buf_char(buf, c < 0x20 || c == 0x7F ? ' ' : text.ptr[i]);
    }
}

void xd_cli_value(xd_buf *buf, const xd_json *value)
{
    switch (value ? value->type : (uint32_t)XD_JSON_NULL) {
    case XD_JSON_NULL:
        break;
    case XD_JSON_NUMBER:
    case XD_JSON_STRING:
        add_visible(buf, value->text);
        break;
    case XD_JSON_ARRAY:
        for (uint32_t i = 0; i < value->count; i++) {
            xd_buf_str_add(buf, i ? XD_STR(", ") : XD_STR(""));
            xd_cli_value(buf, &value->items[i]);
        }
        break;
    case XD_JSON_OBJECT:
        for (uint32_t i = 0; i < value->count; i++) {
            xd_buf_str_add(buf, i ? XD_STR(", ") : XD_STR(""));
            add_visible(buf, value->members[i].name);
            xd_buf_char(buf, ' ');
            xd_cli_value(buf, &value->members[i].value);
        }
        break;
    default:
        xd_buf_str_add(buf, value->type == XD_JSON_TRUE ? XD_STR("yes") : XD_STR("no"));
    }
}

static const xd_json *cell_of(const xd_json *row, const char *member)
{
    for (const char *slash; (slash = strchr(member, '/')); member = slash + 1) {
        row = xd_json_get(row, (xd_str){member, (size_t)(slash - member)});
    }
    return xd_json_get(row, xd_str_from(member));
}

/* Columns that a text takes: code points, which is right for all but wide scripts. */
static int width_of(xd_str text)
{
    int width = 0;
    for (size_t i = 0; i < text.len; i++) {
        width += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    }
    return width;
}

static void print_cell(xd_str text, int width, bool right, bool last)
{
    int pad = width - width_of(text);
    if (right && pad > 0) {
        printf("%*s", pad, "");
    }
    fwrite(text.ptr, 1, text.len, stdout);
    if (!last) {
        printf("%*s", (right || pad < 0 ? 0 : pad) + 2, "");
    }
}

enum { MAX_COLUMNS = 16 };

void xd_cli_table(const xd_cli *cli, const xd_json *rows, const xd_column *columns,
                  const char *empty)
{
    if (!rows || rows->type != XD_JSON_ARRAY || rows->count == 0) {
        fflush(stdout);
        fprintf(stderr, "%s\n", empty);
        return;
    }
    int widths[MAX_COLUMNS] = {0};
    int count = 0;
    xd_buf cell;
    xd_buf_init(&cell, 1 << 20);
    for (; columns[count].member && count < MAX_COLUMNS; count++) {
        widths[count] = width_of(xd_str_from(columns[count].title));
        for (uint32_t i = 0; i < rows->count; i++) {
            xd_buf_clear(&cell);
            xd_cli_value(&cell, cell_of(&rows->items[i], columns[count].member));
            int width = width_of(xd_buf_str(&cell));
            widths[count] = width > widths[count] ? width : widths[count];
        }
    }
    fputs(xd_cli_style(cli, XD_STYLE_BOLD), stdout);
    for (int c = 0; c < count; c++) {
        print_cell(xd_str_from(columns[c].title), widths[c], columns[c].right, c + 1 == count);
    }
    printf("%s\n", xd_cli_plain(cli));
    for (uint32_t i = 0; i < rows->count; i++) {
        for (int c = 0; c < count; c++) {
            xd_buf_clear(&cell);
            xd_cli_value(&cell, cell_of(&rows->items[i], columns[c].member));
            print_cell(xd_buf_str(&cell), widths[c], columns[c].right, c + 1 == count);
        }
        putchar('\n');
    }
    xd_buf_finish(&cell);
}
