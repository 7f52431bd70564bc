/* SPDX-License-Identifier: MIT
 * embedding_table: see embedding_table.h. */
#include "stages/model/embedding_table.h"

#include "formats/file.h"
#include "formats/npy.h"
#include "formats/path.h"
#include "formats/words.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDS_BYTES ((size_t)1 << 30)
#define DIM_MOST 65536

/* ---- reading ----
 * All of it is held as floats: a million embeddings of 512 numbers are 2 GiB, as much as a cache of a teacher's outputs
 * would read again in each epoch. */

bool rt_embedding_table_is_meant(const char *path)
{
    return rt_path_ends_in(path, ".npy");
}

static int values_take(struct rt_embedding_table *v, const struct rt_tensor *t, struct rt_error *e)
{
    if (t->rank != 2 || t->dim[0] < 1 || t->dim[1] < 2 || t->dim[1] > DIM_MOST)
        return rt_error_set(e, RT_EMISMATCH, "%s: a table of [samples, numbers] is wanted: it has %d axes%s", v->file,
                            t->rank, t->rank == 2 ? ", of too few or too many numbers" : "");
    v->count = t->dim[0];
    v->dim = (int)t->dim[1];
    v->value = malloc((size_t)rt_tensor_count(t) * sizeof *v->value);
    if (!v->value)
        return rt_error_set(e, RT_EMEM, "%s: no memory for %lld embeddings", v->file, (long long)v->count);
    for (int64_t i = 0; i < rt_tensor_count(t); i++) {
        v->value[i] = (float)rt_tensor_element(t, i);
        if (!isfinite(v->value[i]))
            return rt_error_set(e, RT_ENOTFINITE, "%s: row %lld: number %lld is %g: leave out samples without an "
                                "embedding, and name the others in %s", v->file, (long long)(i / v->dim),
                                (long long)(i % v->dim), (double)v->value[i],
                                v->beside ? v->beside : "a text beside it");
    }
    return 0;
}

/* emb.npy: emb.txt. One that is not there is fine. */
static int ids_read(struct rt_embedding_table *v, struct rt_error *e)
{
    uint8_t *bytes = NULL;
    size_t size = 0, n = strlen(v->file) - strlen("npy");
    if (asprintf(&v->beside, "%.*stxt", (int)n, v->file) < 0) {
        v->beside = NULL;
        return rt_error_set(e, RT_EMEM, "%s: out of memory", v->file);
    }
    if (access(v->beside, F_OK) < 0 && errno == ENOENT) {
        free(v->beside);
        v->beside = NULL;
        return 0;
    }
    RT_TRY(rt_file_read(v->beside, IDS_BYTES, &bytes, &size, e));
    v->text = (char *)bytes; /* rt_file_read ends it in NUL */
    return 0;
}

static int ids_take(struct rt_embedding_table *v, struct rt_error *e)
{
    int64_t lines = 0;
    if (!v->text)
        return 0;
    v->id = malloc((size_t)v->count * sizeof *v->id);
    if (!v->id)
        return rt_error_set(e, RT_EMEM, "%s: no memory for %lld ids", v->beside, (long long)v->count);
    for (char *line = v->text; *line;) {
        size_t n = strcspn(line, "\n");
        bool last = line[n] == '\0';
        if (lines < v->count)
            v->id[lines] = line;
        lines++;
        line[n] = '\0';
        if (n && line[n - 1] == '\r')
            line[n - 1] = '\0';
        line += n + !last;
    }
    if (lines != v->count)
        return rt_error_set(e, RT_EMISMATCH, "%s has %lld lines, %s %lld rows: each row needs its id, one a line",
                            v->beside, (long long)lines, v->file, (long long)v->count);
    return 0;
}

static int table_read(struct rt_embedding_table *v, struct rt_error *e)
{
    struct rt_tensor t = {.rank = 0};
    RT_TRY(ids_read(v, e));
    int rc = rt_npy_read(&t, v->file, e);
    if (rc == 0)
        rc = values_take(v, &t, e);
    rt_tensor_fini(&t);
    RT_TRY(rc);
    RT_TRY(ids_take(v, e));
    v->key = rt_key128_of(v->value, (size_t)v->count * (size_t)v->dim * sizeof *v->value, (struct rt_key128){0, 0});
    for (int64_t i = 0; v->id && i < v->count; i++)
        v->key = rt_key128_of(v->id[i], strlen(v->id[i]) + 1, v->key);
    return 0;
}

int rt_embedding_table_open(struct rt_embedding_table **out, const char *path, struct rt_error *e)
{
    struct rt_embedding_table *v = calloc(1, sizeof *v);
    *out = NULL;
    if (!v || !(v->file = strdup(path))) {
        free(v);
        return rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    }
    int rc = table_read(v, e);
    if (rc < 0)
        rt_embedding_table_close(v);
    else
        *out = v;
    return rc;
}

void rt_embedding_table_close(struct rt_embedding_table *v)
{
    if (!v)
        return;
    free(v->file);
    free(v->beside);
    free(v->value);
    free(v->text);
    free(v->id);
    free(v->place);
    free(v);
}

/* ---- whose they are ----
 * Rows of another table would teach every sample its neighbour's embedding, and nothing would look wrong: so without
 * ids only the same number of rows is taken, and that it was taken in order is said. */

static int place_put(struct rt_embedding_table *v, int64_t at, int row, struct rt_error *e)
{
    char quoted[RT_QUOTE];
    if (v->place[row] >= 0)
        return rt_error_set(e, RT_EMISMATCH, "%s:%lld: %s stands there twice", v->beside, (long long)at + 1,
                            rt_quote(quoted, sizeof quoted, v->id[at]));
    v->place[row] = (int)at;
    v->matched++;
    return 0;
}

int rt_embedding_table_match(struct rt_embedding_table *v, const struct rt_manifest *m, struct rt_error *e)
{
    char quoted[RT_QUOTE];
    int rows = rt_manifest_rows(m);
    if (!v->id && v->count != rows)
        return rt_error_set(e, RT_EMISMATCH, "%s has %lld rows, %s %d: write the id of each row, one a line, into a "
                            "text beside it with the same name and .txt", v->file, (long long)v->count,
                            rt_manifest_path(m), rows);
    v->place = malloc(((size_t)rows + 1) * sizeof *v->place);
    if (!v->place)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", v->file);
    for (int row = 0; row < rows; row++)
        v->place[row] = v->id ? -1 : row;
    v->matched = v->id ? 0 : rows;
    for (int64_t i = 0; v->id && i < v->count; i++) {
        int row = rt_manifest_find(m, v->id[i]);
        if (row >= 0)
            RT_TRY(place_put(v, i, row, e));
    }
    if (v->id && !v->matched)
        return rt_error_set(e, RT_EMISMATCH, "%s: none of its %lld ids, such as %s, is one of %s", v->beside,
                            (long long)v->count, rt_quote(quoted, sizeof quoted, v->id[0]), rt_manifest_path(m));
    return 0;
}

const float *rt_embedding_table_of(const struct rt_embedding_table *v, int row)
{
    int at = v->place[row];
    return at < 0 ? NULL : v->value + (size_t)at * (size_t)v->dim;
}
