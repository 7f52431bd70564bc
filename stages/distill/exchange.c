/* SPDX-License-Identifier: MIT
 * exchange: sums in a tree over the shards, wherever these are. See exchange.h. */
#include "stages/distill/exchange.h"

#include <stdlib.h>
#include <string.h>

int rt_exchange_gather(const struct rt_exchange *x, const void *mine, size_t bytes, void **all, size_t *total,
                       struct rt_error *e)
{
    *all = NULL;
    *total = 0;
    if (x)
        return x->gather(x->self, mine, bytes, all, total, e);
    *all = malloc(bytes + 1);
    if (!*all)
        return rt_error_set(e, RT_EMEM, "no memory to gather %zu bytes", bytes);
    if (bytes)
        memcpy(*all, mine, bytes);
    *total = bytes;
    return 0;
}

/* ---- small sums ----
 * One gathering and own additions: a handful of numbers from each costs one journey, and nobody has to trust another's
 * order of adding. The own shards are a subtree of the whole, so each brings its sum alone. What else is to be told
 * stands behind it with its length: each call is a point where all wait for the slowest, so there should be few. */

/* [n, count] becomes the sum of the n, in its first row. */
static void sums_in_tree(double *value, int n, int count)
{
    for (int apart = 1; apart < n; apart *= 2)
        for (int i = 0; i + apart < n; i += 2 * apart)
            for (int k = 0; k < count; k++)
                value[i * count + k] += value[(i + apart) * count + k];
}

/* Takes the sums of each out of all[total], and closes up what else it said: *rest bytes are left of it. */
static int sums_take(char *all, size_t total, double *sums, int size, size_t bytes, size_t *rest)
{
    size_t at = 0, told;
    *rest = 0;
    for (int i = 0; i < size; i++) {
        if (total - at < bytes + sizeof told)
            return RT_EMISMATCH;
        memcpy((char *)sums + (size_t)i * bytes, all + at, bytes);
        memcpy(&told, all + at + bytes, sizeof told);
        at += bytes + sizeof told;
        if (total - at < told)
            return RT_EMISMATCH;
        memmove(all + *rest, all + at, told);
        *rest += told;
        at += told;
    }
    return at == total ? 0 : RT_EMISMATCH;
}

static int sums_share(const struct rt_exchange *x, double *value, int count, const void *mine, size_t told,
                      void **all, size_t *rest, struct rt_error *e)
{
    size_t bytes = sizeof *value * (size_t)count, size = bytes + sizeof told + told, total = 0;
    char *message = malloc(size);
    double *sums = malloc(bytes * (size_t)x->size);
    *all = NULL;
    int rc = message && sums ? 0 : rt_error_set(e, RT_EMEM, "no memory for the sums of %d", x->size);
    if (rc < 0)
        goto out;
    memcpy(message, value, bytes);
    memcpy(message + bytes, &told, sizeof told);
    if (told)
        memcpy(message + bytes + sizeof told, mine, told);
    rc = rt_exchange_gather(x, message, size, all, &total, e);
    if (rc < 0)
        goto out;
    rc = sums_take(*all, total, sums, x->size, bytes, rest);
    if (rc < 0) {
        free(*all);
        rt_error_set(e, rc, "%zu bytes of sums from %d who share an update: not %zu from each", total, x->size, bytes);
        goto out;
    }
    sums_in_tree(sums, x->size, count);
    memcpy(value, sums, bytes);
out:
    free(message);
    free(sums);
    return rc;
}

int rt_exchange_sums_and(const struct rt_exchange *x, double *value, int shards, int count, const void *mine,
                         size_t bytes, void **all, size_t *total, struct rt_error *e)
{
    sums_in_tree(value, shards, count);
    return x ? sums_share(x, value, count, mine, bytes, all, total, e)
             : rt_exchange_gather(x, mine, bytes, all, total, e);
}

int rt_exchange_sums(const struct rt_exchange *x, double *value, int shards, int count, struct rt_error *e)
{
    size_t total;
    void *all;
    sums_in_tree(value, shards, count);
    if (!x)
        return 0;
    RT_TRY(sums_share(x, value, count, NULL, 0, &all, &total, e));
    free(all);
    return 0;
}

/* ---- large sums ----
 * A binary counter: level l holds the sum of 2^l shards until the next 2^l are there. To keep all shards' numbers and
 * add at the end would need a copy for each. */

struct rt_shard_sum {
    const struct rt_exchange_part *part;
    int parts, shards, pushed, levels;
    size_t count;  /* numbers in all parts */
    float *level;  /* [levels, count] */
};

int rt_shard_sum_create(struct rt_shard_sum **out, const struct rt_exchange_part *part, int parts, int shards)
{
    struct rt_shard_sum *s = calloc(1, sizeof *s);
    *out = s;
    if (!s)
        return RT_EMEM;
    *s = (struct rt_shard_sum){.part = part, .parts = parts, .shards = shards};
    while (1 << s->levels < shards)
        s->levels++;
    for (int i = 0; i < parts; i++)
        s->count += part[i].count;
    s->level = calloc((size_t)s->levels * s->count + 1, sizeof *s->level);
    if (s->level)
        return 0;
    free(s);
    *out = NULL;
    return RT_EMEM;
}

void rt_shard_sum_destroy(struct rt_shard_sum *s)
{
    if (s)
        free(s->level);
    free(s);
}

static void sum_add_level(const struct rt_shard_sum *s, const float *level)
{
    for (int i = 0; i < s->parts; level += s->part[i++].count)
        for (size_t k = 0; k < s->part[i].count; k++)
            s->part[i].value[k] = level[k] + s->part[i].value[k];
}

static void sum_keep_level(const struct rt_shard_sum *s, float *level)
{
    for (int i = 0; i < s->parts; level += s->part[i++].count)
        memcpy(level, s->part[i].value, s->part[i].count * sizeof *level);
}

void rt_shard_sum_push(struct rt_shard_sum *s)
{
    int at = s->pushed++, level = 0;
    for (; at & 1; at >>= 1)
        sum_add_level(s, s->level + (size_t)level++ * s->count);
    if (s->pushed == s->shards)
        s->pushed = 0;
    else
        sum_keep_level(s, s->level + (size_t)level * s->count);
}
