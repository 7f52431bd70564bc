/* SPDX-License-Identifier: MIT
 * shared_scores: see shared_scores.h. */
#include "stages/session/shared_scores.h"

#include "formats/hash.h"
#include "pipeline/ranks/ranks.h"

#include <stdlib.h>
#include <string.h>

/* Neighbouring rows, since they tend to lie in the same folder or shard. */
void rt_shared_scores_part(const struct rt_ranks *ranks, int count, int *first, int *behind)
{
    int64_t rank = rt_ranks_rank(ranks), size = rt_ranks_size(ranks);
    *first = (int)(count * rank / size);
    *behind = (int)(count * (rank + 1) / size);
}

/* ---- the same files? ----
 * A rank learns from samples that others have read, so it has to have them. To read them all would be the work that is
 * to be shared; that a file is there, may be read, and has the size it has elsewhere costs next to nothing. A file of
 * that size with other bytes is found when it is read in training, by its content key (decode). Ranks compare a digest
 * of some thousand rows, and what it is of only when it differs. */

#define LOOK_ROWS 16384

enum { NO_FILE = -1, NO_CELL = -2 };

struct look {
    int64_t size;  /* bytes, or one of the above */
    uint64_t rest; /* which part of the file; of a text, what it says */
};

static struct look sample_look(const struct rt_session *s, int row, int modality)
{
    char buffer[4352];
    struct look look = {.size = NO_CELL};
    uint64_t size;
    const struct rt_dataset *d = &s->dataset;
    const char *source = rt_dataset_source(d, row, modality, buffer, sizeof buffer);
    if (d->reason[modality][row] == RT_EMISSING)
        return look;
    if (modality == RT_TEXT)
        return (struct look){(int64_t)strlen(source), rt_hash64(source, strlen(source), 0)};
    struct rt_extent x = rt_manifest_extent(d->manifest, row, modality);
    double part[] = {x.timed, x.start, x.end, x.channel, x.boxed, x.box[0], x.box[1], x.box[2], x.box[3]};
    look.rest = rt_hash64(part, sizeof part, 0);
    look.size = rt_datafile_exists(s->sources, source, &size, NULL) < 0 ? NO_FILE : (int64_t)size;
    return look;
}

static int look_refuse(const struct rt_session *s, int row, int modality, int rank, struct look first,
                       struct look other, struct rt_error *e)
{
    char buffer[4352], a[64], b[64];
    const struct rt_manifest *m = s->dataset.manifest;
    const char *id = rt_manifest_cell(m, row, rt_manifest_column(m, "id"));
    const char *path = rt_dataset_source(&s->dataset, row, modality, buffer, sizeof buffer);
    const char *name = rt_ranks_name(s->ranks, rank), *of = rt_ranks_name(s->ranks, 0);
    snprintf(a, sizeof a, "%lld", (long long)first.size);
    snprintf(b, sizeof b, "%lld", (long long)other.size);
    if (other.size == NO_CELL || first.size == NO_CELL || modality == RT_TEXT)
        return rt_error_set(e, RT_EMISMATCH, "%s has another manifest than %s: sample \"%.60s\" has another %s there",
                            name, of, id, rt_modality_names[modality]);
    if (other.size == NO_FILE || first.size == NO_FILE)
        return rt_error_set(e, RT_EMISMATCH, "%s cannot read %.300s, the %s of sample \"%.60s\", but %s can: all need "
                            "the same files", other.size == NO_FILE ? name : of, path, rt_modality_names[modality], id,
                            other.size == NO_FILE ? of : name);
    if (other.size == first.size)
        return rt_error_set(e, RT_EMISMATCH, "%s has another manifest than %s: sample \"%.60s\" is another part of "
                            "%.300s there", name, of, id, path);
    return rt_error_set(e, RT_EMISMATCH, "%s has another file than %s: %.300s, the %s of sample \"%.60s\", has %s "
                        "bytes there, and not %s", name, of, path, rt_modality_names[modality], id, b, a);
}

/* Every rank knows from its own table how much each of the others has to say. */
static int gathered_check(const struct rt_session *s, size_t total, size_t each, struct rt_error *e)
{
    int ranks = rt_ranks_size(s->ranks);
    return total == each * (size_t)ranks ? 0 : rt_error_set(e, RT_EMISMATCH, "%d ranks sent %zu bytes, not %zu each",
                                                            ranks, total, each);
}

/* Of rows `from` on; all looks, those of rank 0 first, differ somewhere. */
static int looks_name(const struct rt_session *s, int from, int rows, int modality, const struct look *all,
                      struct rt_error *e)
{
    for (int i = 0; i < rows; i++)
        for (int rank = 1; rank < rt_ranks_size(s->ranks); rank++) {
            struct look first = all[i], other = all[(size_t)rank * (size_t)rows + (size_t)i];
            if (first.size != other.size || first.rest != other.rest)
                return look_refuse(s, from + i, modality, rank, first, other, e);
        }
    return 0;
}

static int looks_compare(const struct rt_session *s, int from, int rows, int modality, const struct look *look,
                         struct rt_error *e)
{
    uint64_t digest = rt_hash64(look, (size_t)rows * sizeof *look, 0);
    void *all;
    size_t total;
    bool same = true;
    RT_TRY(rt_ranks_gather(s->ranks, &digest, sizeof digest, &all, &total, e));
    int known = gathered_check(s, total, sizeof digest, e);
    for (size_t i = 0; known == 0 && i < total / sizeof digest; i++)
        same = same && ((uint64_t *)all)[i] == digest;
    free(all);
    if (same)
        return known;
    RT_TRY(rt_ranks_gather(s->ranks, look, (size_t)rows * sizeof *look, &all, &total, e));
    int rc = gathered_check(s, total, (size_t)rows * sizeof *look, e);
    if (rc == 0)
        rc = looks_name(s, from, rows, modality, all, e);
    free(all);
    return rc;
}

int rt_shared_scores_check(const struct rt_session *s, const bool modality[RT_MODALITIES], struct rt_error *e)
{
    int count = s->dataset.count, rc = 0;
    if (!s->ranks)
        return 0;
    struct look *look = malloc(LOOK_ROWS * sizeof *look);
    if (!look)
        return rt_error_set(e, RT_EMEM, "no memory to look at files");
    for (int from = 0; rc == 0 && from < count; from += LOOK_ROWS) {
        int rows = count - from < LOOK_ROWS ? count - from : LOOK_ROWS;
        rt_watch_progress(&s->watch, "looking at files", from, count);
        for (int m = 0; rc == 0 && m < RT_MODALITIES; m++) {
            for (int i = 0; modality[m] && i < rows; i++)
                look[i] = sample_look(s, from + i, m);
            if (modality[m])
                rc = looks_compare(s, from, rows, m, look, e);
        }
    }
    rt_watch_progress(&s->watch, NULL, 0, 0);
    free(look);
    return rc;
}

/* ---- what was found ----
 * One table after the other: how many rows each rank has is known, so their bytes, rank behind rank, are the whole
 * table. Values travel as they are, so that percentiles come out the same; the list of samples left out has the words
 * of whoever found them. */

static int table_exchange(struct rt_session *s, void *table, size_t row_bytes, struct rt_error *e)
{
    int first, behind;
    void *all;
    size_t total, whole = (size_t)s->dataset.count * row_bytes;
    rt_shared_scores_part(s->ranks, s->dataset.count, &first, &behind);
    RT_TRY(rt_ranks_gather(s->ranks, (char *)table + (size_t)first * row_bytes, (size_t)(behind - first) * row_bytes,
                           &all, &total, e));
    if (total == whole && whole)
        memcpy(table, all, whole);
    free(all);
    return total == whole ? 0 : rt_error_set(e, RT_EMISMATCH, "ranks scored %zu bytes of %zu", total, whole);
}

static bool drop_is_ours(const struct rt_session *s, struct rt_drop *d)
{
    d->text[sizeof d->text - 1] = '\0';
    return d->sample >= 0 && d->sample < s->dataset.count && d->modality >= 0 && d->modality < RT_MODALITIES;
}

static int drops_exchange(struct rt_session *s, struct rt_error *e)
{
    void *all;
    size_t total, each = sizeof *s->left;
    RT_TRY(rt_ranks_gather(s->ranks, s->left, (size_t)s->left_count * each, &all, &total, e));
    struct rt_drop *drop = all;
    bool good = total % each == 0;
    for (size_t i = 0; i < total / each; i++)
        good = good && drop_is_ours(s, &drop[i]);
    for (size_t i = 0; good && i < total / each; i++)
        rt_session_leave_out(s, &drop[i]);
    free(all);
    return good ? 0 : rt_error_set(e, RT_EMISMATCH, "another rank leaves out a sample that is none of %d",
                                   s->dataset.count);
}

int rt_shared_scores_exchange(struct rt_session *s, const bool modality[RT_MODALITIES], struct rt_error *e)
{
    if (!s->ranks)
        return 0;
    for (int m = 0; m < RT_MODALITIES; m++) {
        if (!modality[m])
            continue;
        RT_TRY(table_exchange(s, s->content.key[m], sizeof *s->content.key[m], e));
        RT_TRY(table_exchange(s, s->dataset.reason[m], sizeof *s->dataset.reason[m], e));
    }
    RT_TRY(table_exchange(s, s->scores.value, (size_t)s->scores.columns * sizeof *s->scores.value, e));
    return drops_exchange(s, e);
}
