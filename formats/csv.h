/* SPDX-License-Identifier: MIT
 * csv: rows of a table as spreadsheets write it (RFC 4180), with any one-byte delimiter.
 * Cells are separated by the delimiter, rows by LF or CRLF; a cell in double quotes may hold both,
 * and
 * "" for a quote. A quote inside a cell that does not start with one is itself. Empty lines are
 * passed over. Text is UTF-8, with or without a byte order mark;
 * what is not is told from Latin-1 and UTF-16 (rt_csv_decode). Cells are cut in place. */
#ifndef RT_CSV_H
#define RT_CSV_H

#include "formats/error.h"
#include <stddef.h>
#include <stdio.h>

#define RT_CSV_CELLS 64

struct rt_csv {
    const char *name; /* of the file, for messages */
    char *at, *end;   /* what is not yet read; *end is a NUL */
    char delimiter;
    int line; /* number of the line at `at` */
    /* the row last read */
    char *cell[RT_CSV_CELLS]; /* NUL-terminated, inside the caller's bytes */
    int cells, row_line;
};

/* The bytes of a file as UTF-8 with a NUL behind them: *bytes (malloc'ed) and *size may be replaced. UTF-8 stays as it
 * is; UTF-16 with its mark is converted; anything else without NUL bytes is read as Windows-1252 (which Latin-1 is a
 * part of), and *note says so. RT_EFORMAT, RT_EMEM: *bytes is as before. */
int rt_csv_decode(char **bytes, size_t *size, const char *name, const char **note, struct rt_error *e);

/* bytes [size] with a NUL behind them, changed by reading; must outlive the cells. delimiter 0: the
 * one of tab , ; that is most frequent in the first line. RT_EFORMAT when not text in UTF-8. */
int rt_csv_init(struct rt_csv *c, char *bytes, size_t size, char delimiter, const char *name,
                struct rt_error *e);
/* 1: a row is in cell; 0: end; RT_EFORMAT, RT_ELARGE with FILE:LINE. */
int rt_csv_next(struct rt_csv *c, struct rt_error *e);

/* Writes one cell, in quotes where it has to be. */
void rt_csv_write_cell(FILE *out, const char *text);

#endif
