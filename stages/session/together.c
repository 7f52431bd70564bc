/* SPDX-License-Identifier: MIT
 * together: see together.h. */
#include "stages/session/together.h"

#include "formats/file.h"
#include "formats/safetensors.h"
#include "stages/nn/blas.h"
#include "stages/nn/isa.h"
#include "stages/session/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* ---- the exchange ---- */

static int together_gather(void *self, const void *mine, size_t bytes, void **all, size_t *total, struct rt_error *e)
{
    const struct rt_together *t = self;
    return rt_ranks_gather(t->ranks, mine, bytes, all, total, e);
}

static int together_add(void *self, const struct rt_exchange_part *part, int parts, struct rt_error *e)
{
    struct rt_together *t = self;
    size_t count = 0, at = 0;
    for (int i = 0; i < parts; i++)
        count += part[i].count;
    if (count > t->count) {
        float *more = realloc(t->room, count * sizeof *more);
        if (!more)
            return rt_error_set(e, RT_EMEM, "no memory for the gradients of other ranks");
        t->room = more;
        t->count = count;
    }
    for (int i = 0; i < parts; at += part[i++].count)
        memcpy(t->room + at, part[i].value, part[i].count * sizeof *t->room);
    RT_TRY(rt_ranks_add(t->ranks, t->room, count, e));
    at = 0;
    for (int i = 0; i < parts; at += part[i++].count)
        memcpy(part[i].value, t->room + at, part[i].count * sizeof *t->room);
    return 0;
}

void rt_together_init(struct rt_together *t, struct rt_ranks *ranks)
{
    *t = (struct rt_together){.ranks = ranks};
    t->exchange = (struct rt_exchange){t, rt_ranks_rank(ranks), rt_ranks_size(ranks), together_gather, together_add};
}

void rt_together_fini(struct rt_together *t)
{
    free(t->room);
    t->room = NULL;
}

bool rt_together_leads(const struct rt_together *t)
{
    return rt_ranks_rank(t->ranks) == 0;
}

int rt_together_shards(const struct rt_together *t, const struct rt_recipe *r)
{
    return (int)r->train_shards / rt_ranks_size(t->ranks);
}

/* ---- the same run? ----
 * Everything that the result depends on is compared as text, line by line, by every rank for all ranks: each says
 * the same, and none goes on to wait for one that has left. */

static char *facts_text(const struct rt_recipe *r)
{
    static const union {
        uint16_t number;
        uint8_t first;
    } order = {1};
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    fprintf(f, "the version is retort " RT_VERSION "\n");
    fprintf(f, "the byte order is %s\n", order.first ? "little-endian" : "big-endian");
    fprintf(f, "the instruction set is %s\n", rt_isa()->name);
    fprintf(f, "OpenBLAS computes for %s\n", rt_blas_core());
    for (int i = 0; i < rt_key_count; i++) {
        char value[RT_RECIPE_TEXT];
        if (rt_keys[i].kind == RT_KIND_PATH)
            continue;
        rt_recipe_get(r, &rt_keys[i], value, sizeof value);
        fprintf(f, "%s is %s\n", rt_keys[i].name, value[0] ? value : "empty");
    }
    rt_memstream_close(f, &text);
    return text;
}

static int facts_differ(const struct rt_together *t, int rank, const char *first, const char *other,
                        struct rt_error *e)
{
    while (*first && *other) {
        int a = (int)strcspn(first, "\n"), b = (int)strcspn(other, "\n");
        if (a != b || memcmp(first, other, (size_t)a) != 0)
            return rt_error_set(e, RT_EMISMATCH, "%s: %.*s; on %s: %.*s", rt_ranks_name(t->ranks, rank), b, other,
                                rt_ranks_name(t->ranks, 0), a, first);
        first += a + (first[a] == '\n');
        other += b + (other[b] == '\n');
    }
    return *first || *other ? rt_error_set(e, RT_EMISMATCH, "%s has other settings", rt_ranks_name(t->ranks, rank)) : 0;
}

/* Each text in *all ends with a 0; those of a version that says less are shorter. */
static int facts_compare(const struct rt_together *t, const char *all, size_t total, struct rt_error *e)
{
    const char *other = all;
    for (int rank = 0; rank < rt_ranks_size(t->ranks); rank++, other += strlen(other) + 1) {
        if (other >= all + total)
            return rt_error_set(e, RT_EMISMATCH, "%s says nothing of itself", rt_ranks_name(t->ranks, rank));
        RT_TRY(facts_differ(t, rank, all, other, e));
    }
    return 0;
}

static int shards_check(const struct rt_recipe *r, int ranks, struct rt_error *e)
{
    int n = (int)r->train_shards;
    if (n & (n - 1))
        return rt_error_set(e, RT_EUSAGE, "train.shards: %d is not a power of two: take 1, 2, 4, 8, ...", n);
    if (n > 1 && r->train_batch < 2 * n)
        return rt_error_set(e, RT_EUSAGE, "train.shards: %d parts of train.batch: %d are less than two samples each",
                            n, (int)r->train_batch);
    if (n < ranks)
        return rt_error_set(e, RT_EUSAGE, "train.shards: %d for %d ranks: each takes a part of the batch or several; "
                            "set it to %d or more (-s train.shards=%d), or start fewer", n, ranks, ranks, ranks);
    return 0;
}

int rt_together_check(const struct rt_together *t, const struct rt_recipe *r, struct rt_error *e)
{
    void *all;
    size_t total;
    if (!t->ranks)
        return shards_check(r, 1, e);
    char *mine = facts_text(r);
    if (!mine)
        return rt_error_set(e, RT_EMEM, "no memory for what ranks compare");
    int rc = rt_ranks_gather(t->ranks, mine, strlen(mine) + 1, &all, &total, e);
    free(mine);
    if (rc < 0)
        return rc;
    rc = facts_compare(t, all, total, e);
    free(all);
    return rc < 0 ? rc : shards_check(r, rt_ranks_size(t->ranks), e);
}

int rt_together_check_data(const struct rt_together *t, const char *identity, struct rt_error *e)
{
    char mine[RT_IDENTITY_TEXT];
    int rc = 0;
    void *all;
    size_t total;
    if (!t->ranks)
        return 0;
    snprintf(mine, sizeof mine, "%s", identity);
    memset(mine + strlen(mine), 0, sizeof mine - strlen(mine));
    RT_TRY(rt_ranks_gather(t->ranks, mine, sizeof mine, &all, &total, e));
    if (total != sizeof mine * (size_t)rt_ranks_size(t->ranks))
        rc = rt_error_set(e, RT_EMISMATCH, "%zu bytes of what the ranks' data are, not %zu from each", total,
                          sizeof mine);
    for (int i = 0; rc == 0 && i < rt_ranks_size(t->ranks); i++)
        ((char *)all)[(size_t)(i + 1) * sizeof mine - 1] = '\0';
    for (int i = 1; rc == 0 && i < rt_ranks_size(t->ranks); i++) {
        const char *differs = rt_identity_differs(all, (const char *)all + (size_t)i * sizeof mine);
        if (differs)
            rc = rt_error_set(e, RT_EMISMATCH, "%s has other data than %s: %s differ", rt_ranks_name(t->ranks, i),
                              rt_ranks_name(t->ranks, 0), differs);
    }
    free(all);
    return rc;
}

/* ---- the state at the beginning ---- */

int rt_together_share(const struct rt_together *t, const char *path, struct rt_safetensors **state, struct rt_error *e)
{
    uint8_t *bytes = NULL;
    size_t size = 0, total;
    void *all;
    *state = NULL;
    if (!t->ranks)
        return 0;
    if (path)
        RT_TRY(rt_file_read(path, SIZE_MAX, &bytes, &size, e));
    int rc = rt_ranks_gather(t->ranks, bytes, size, &all, &total, e);
    free(bytes);
    if (rc < 0)
        return rc;
    if (total && !rt_together_leads(t))
        rc = rt_safetensors_parse(state, all, total, "rank 0's checkpoint", e);
    free(all);
    return rc;
}

/* ---- who is waited for ----
 * In step all ranks are as fast as the slowest, so what tells them apart is how long they wait: the one that waits
 * least is the one that the others wait for. */

static double rank_share(const struct rt_rank_figures *f, uint64_t part)
{
    return f->time ? (double)part / (double)f->time : 0;
}

void rt_together_words(const struct rt_together *t, char *text, size_t size)
{
    int size_of = rt_ranks_size(t->ranks), slowest = 0;
    double most = 0, least = 1, sent = 0;
    *text = '\0';
    if (!t->ranks || !rt_ranks_figures(t->ranks, 0).updates)
        return;
    for (int i = 0; i < size_of; i++) {
        struct rt_rank_figures f = rt_ranks_figures(t->ranks, i);
        double waits = rank_share(&f, f.waited), sends = f.updates ? (double)f.sent / (double)f.updates : 0;
        sent = sends > sent ? sends : sent;
        most = waits > most ? waits : most;
        if (waits < least) {
            least = waits;
            slowest = i;
        }
    }
    snprintf(text, size, "of %d ranks %s is waited for: it waits %.0f %% of the time, others up to %.0f %%; "
             "an update sends %.0f kB", size_of, rt_ranks_name(t->ranks, slowest), 100 * least, 100 * most, sent / 1e3);
}

void rt_together_rank_words(const struct rt_together *t, int rank, char *text, size_t size)
{
    struct rt_rank_figures f = rt_ranks_figures(t->ranks, rank);
    double seconds = 1e-9 * (double)f.time, updates = (double)f.updates;
    char whom[100] = "";
    *text = '\0';
    if (!f.updates || !f.time)
        return;
    if (f.behind != rank && f.behind >= 0 && f.behind < rt_ranks_size(t->ranks))
        snprintf(whom, sizeof whom, ", most for rank %d", (int)f.behind);
    snprintf(text, size, "%s: %.0f samples/s, computes %.0f %% of the time, waits %.0f %%%s; an update sends %.0f kB",
             rt_ranks_name(t->ranks, rank), (double)f.samples / seconds, 100 * rank_share(&f, f.computed),
             100 * rank_share(&f, f.waited), whom, (double)f.sent / updates / 1e3);
}

/* ---- is it worth it? ----
 * As `retort bench --ranks`, of the very run: the exchange is timed before the first update, since in an update it
 * cannot be told from waiting for one that is late; the part of an update is that of the slowest rank, and alone there
 * would be as many of them one after the other. That holds for ranks with cores of their own: on the same ones each
 * makes the others' parts longer. Updates differ, and the first ones fill caches: a few are taken. */

#define EXCHANGES 3
#define FEW 4

int rt_together_time(struct rt_together *t, int64_t weights, struct rt_error *e)
{
    if (!t->ranks)
        return 0;
    float *gradient = calloc((size_t)weights + 1, sizeof *gradient);
    int rc = gradient ? 0 : rt_error_set(e, RT_EMEM, "no memory for gradients");
    for (int i = 0; rc == 0 && i < EXCHANGES; i++) {
        uint64_t began = uv_hrtime();
        rc = rt_ranks_add(t->ranks, gradient, (size_t)weights, e);
        double took = 1e-6 * (double)(uv_hrtime() - began);
        t->exchange_ms = i == 0 || took < t->exchange_ms ? took : t->exchange_ms;
    }
    free(gradient);
    return rc;
}

bool rt_together_loses(const struct rt_together *t, char *text, size_t size)
{
    int ranks = rt_ranks_size(t->ranks);
    double part = 0;
    *text = '\0';
    for (int i = 0; i < ranks; i++) {
        struct rt_rank_figures f = rt_ranks_figures(t->ranks, i);
        if (f.updates < FEW)
            return false;
        double ms = 1e-6 * (double)f.computed / (double)f.updates;
        part = ms > part ? ms : part;
    }
    double gain = part * ranks / (part + t->exchange_ms);
    snprintf(text, size, "a rank's part of an update takes %.1f ms, to exchange the gradients %.1f ms: %d ranks are "
             "%.2f times as fast as one, if each has cores of its own", part, t->exchange_ms, ranks, gain);
    return gain < 1;
}
