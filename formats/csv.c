/* SPDX-License-Identifier: MIT
 * csv: the reader of RFC 4180 tables. One pass, no allocation: a cell never grows when its quotes
 * go. */
#include "formats/csv.h"
#include "formats/utf8.h"
#include "formats/words.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- encodings ----
 * A spreadsheet that "saves as CSV" writes what its country had before UTF-8, or UTF-16 as "Unicode text". Bytes that
 * are no UTF-8 are Windows-1252 in nearly all such files; names may turn out odd where they are not, so it is said. */

static const uint16_t windows_1252[32] = {
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178,
};

static char *utf8_put(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    }
    return out;
}

/* NULL: a byte that Windows-1252 does not have. */
static char *from_1252(const uint8_t *in, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++) {
        uint32_t c = in[i] >= 0x80 && in[i] < 0xA0 ? windows_1252[in[i] - 0x80] : in[i];
        if (!c)
            return NULL;
        out = utf8_put(out, c);
    }
    return out;
}

/* in: behind the mark. NULL: half a pair, or a NUL. */
static char *from_utf16(const uint8_t *in, size_t size, bool big, char *out)
{
    for (size_t i = 0; i + 1 < size; i += 2) {
        uint32_t c = (uint32_t)(in[i + !big] << 8 | in[i + big]);
        if (c >= 0xD800 && c < 0xDC00 && i + 3 < size) {
            uint32_t low = (uint32_t)(in[i + 2 + !big] << 8 | in[i + 2 + big]);
            c = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00) : 0;
            i += 2;
        }
        if (!c || (c >= 0xD800 && c < 0xE000))
            return NULL;
        out = utf8_put(out, c);
    }
    return out;
}

/* Also what is damaged UTF-8, by a letter of it that is whole before the damage, or no text at all: those are refused
 * with their line when the table is read. */
static bool is_utf8_or_neither(const uint8_t *in, size_t size)
{
    size_t bad = rt_utf8_check((const char *)in, size);
    bool letters = false;
    for (size_t i = 0; i < bad; i++)
        letters = letters || in[i] >= 0x80;
    return bad == size || letters || memchr(in, 0, size);
}

int rt_csv_decode(char **bytes, size_t *size, const char *name, const char **note, struct rt_error *e)
{
    const uint8_t *in = (const uint8_t *)*bytes;
    bool big = *size >= 2 && in[0] == 0xFE && in[1] == 0xFF, little = *size >= 2 && in[0] == 0xFF && in[1] == 0xFE;
    *note = NULL;
    if (!big && !little && is_utf8_or_neither(in, *size))
        return 0;
    char *made = malloc(3 * *size + 1);
    if (!made)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", name);
    char *end = big || little ? from_utf16(in + 2, *size - 2, big, made) : from_1252(in, *size, made);
    if (!end) {
        free(made);
        return rt_error_set(e, RT_EFORMAT,
                            "%s: neither UTF-8 nor Windows-1252 (Latin-1)%s; convert the file, for instance "
                            "with iconv -t utf-8",
                            name, big || little ? ", and damaged UTF-16" : "");
    }
    *note = big || little ? "read as UTF-16" : "not UTF-8: read as Windows-1252 (Latin-1)";
    *end = '\0';
    free(*bytes);
    *bytes = made;
    *size = (size_t)(end - made);
    return 0;
}

/* ---- the start of a table ----
 * The delimiter is the one of three that the first line holds most of: spreadsheets write what
 * their country uses, and nobody wants to look it up. The text is checked as a whole before the
 * first row: what is not UTF-8 is refused with its line, instead of making odd ids later. */

static char csv_likely_delimiter(const char *text)
{
    static const char known[] = "\t,;";
    char best = ',';
    size_t most = 0, line = strcspn(text, "\r\n");
    for (const char *d = known; *d; d++) {
        size_t count = 0;
        for (size_t i = 0; i < line; i++)
            count += text[i] == *d;
        if (count > most) {
            most = count;
            best = *d;
        }
    }
    return best;
}

int rt_csv_init(struct rt_csv *c, char *bytes, size_t size, char delimiter, const char *name,
                struct rt_error *e)
{
    size_t nul = strlen(bytes);
    size_t bad = nul < size ? nul : rt_utf8_check(bytes, size);
    memset(c, 0, sizeof *c);
    if (bad < size) {
        int line = 1;
        for (size_t i = 0; i < bad; i++)
            line += bytes[i] == '\n';
        return rt_error_set(e, RT_EFORMAT,
                            "%s:%d: byte 0x%02X is not text in UTF-8; convert the "
                            "file, for instance with iconv -t utf-8",
                            name, line, (unsigned char)bytes[bad]);
    }
    bool mark = size >= 3 && !memcmp(bytes, "\xEF\xBB\xBF", 3);
    c->name = name;
    c->at = bytes + (mark ? 3 : 0);
    c->end = bytes + size;
    c->line = 1;
    c->delimiter = delimiter ? delimiter : csv_likely_delimiter(c->at);
    return 0;
}

/* ---- cells ----
 * Cells are cut in place: a cell without its quotes is never longer than with them, so no memory is
 * asked for and none can run out. What RFC 4180 leaves open (text behind a closing quote, an open
 * quote at the end) is an error with its line: guessing would shift all columns behind it. */

/* Is p at the end of a line? The end of the file is one. */
static bool csv_at_line_end(const struct rt_csv *c, const char *p)
{
    return p == c->end || *p == '\n' || (*p == '\r' && (p[1] == '\n' || p + 1 == c->end));
}

/* Cuts a cell that starts with a quote; c->at ends behind the closing one. */
static int csv_quoted_cell(struct rt_csv *c, struct rt_error *e)
{
    int line = c->line;
    char *out = c->at, *p = c->at + 1, quoted[RT_QUOTE];
    for (; *p != '"' || p[1] == '"'; p++) {
        if (p == c->end) {
            *out = '\0';
            return rt_error_set(
                e, RT_EFORMAT,
                "%s:%d: a quote that starts in this line is never closed: %s; write "
                "\"\" for a quote inside quotes",
                c->name, line, rt_quote(quoted, sizeof quoted, c->cell[c->cells]));
        }
        c->line += *p == '\n';
        p += *p == '"';
        *out++ = *p;
    }
    c->at = p + 1;
    if (!csv_at_line_end(c, c->at) && *c->at != c->delimiter) {
        size_t letter = 0;
        rt_utf8_next(c->at, (size_t)(c->end - c->at), &letter);
        return rt_error_set(e, RT_EFORMAT,
                            "%s:%d: %.*s follows a closing quote; write \"\" for a "
                            "quote inside quotes",
                            c->name, c->line, (int)letter, c->at);
    }
    *out = '\0'; /* at the closing quote at the latest */
    return 0;
}

/* Cuts one cell at c->at. *more = a delimiter followed it. */
static int csv_cell(struct rt_csv *c, bool *more, struct rt_error *e)
{
    if (c->cells == RT_CSV_CELLS)
        return rt_error_set(e, RT_ELARGE, "%s:%d: more than %d columns", c->name, c->row_line,
                            RT_CSV_CELLS);
    c->cell[c->cells] = c->at;
    if (*c->at == '"') {
        int code = csv_quoted_cell(c, e);
        if (code)
            return code;
    } else {
        while (!csv_at_line_end(c, c->at) && *c->at != c->delimiter)
            c->at++;
    }
    c->cells++;
    *more = c->at < c->end && *c->at == c->delimiter;
    return 0;
}

/* Ends the cell at c->at and moves over what separates it from the next. */
static void csv_pass_separator(struct rt_csv *c, bool more)
{
    char *p = c->at;
    if (p < c->end && !more) {
        p += *p == '\r';
        c->line += p < c->end && *p == '\n';
    }
    *c->at = '\0';
    c->at = p < c->end ? p + 1 : c->end;
}

/* ---- rows ---- */

int rt_csv_next(struct rt_csv *c, struct rt_error *e)
{
    while (c->at < c->end && csv_at_line_end(c, c->at))
        csv_pass_separator(c, false);
    if (c->at == c->end)
        return 0;
    c->cells = 0;
    c->row_line = c->line;
    for (bool more = true; more;) {
        int code = csv_cell(c, &more, e);
        if (code)
            return code;
        csv_pass_separator(c, more);
    }
    return 1;
}

void rt_csv_write_cell(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}
