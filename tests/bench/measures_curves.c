/* SPDX-License-Identifier: MIT
 * measures_curves: climbs every ladder of measures_speech.c and measures_image.c with real recordings
 * and pictures (Debian package tuxpaint-stamps-default, tests/golden) and checks that each measure follows
 * the strength: Spearman 0.95 within an item (median), 0.9 over all. Says 77 without the package.
 * usage: measures_curves [-n ITEMS] [-t]    -t: tables in Markdown, as docs/measures.md has them */
#define _XOPEN_SOURCE 700
#include "tests/bench/measures_curves.h"
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "formats/file.h"

#define STAMPS "/usr/share/tuxpaint/stamps"
#define WITHIN 0.95
#define OVER_ALL 0.9
#define OVER_ALL_NEARLY 0.88
#define ITEMS_MAX 200
#define PIXELS_MAX 50000 /* larger pictures only take longer */

/* ---- items: every k-th of the sorted files ---- */

struct files {
    char **path;
    int count;
};
static struct files sounds, pictures;

static bool path_ends(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n > m && strcmp(path + n - m, end) == 0;
}

/* The Spanish recordings of the package were clipped before they were coded, all of them. */
static bool is_clean(const char *path)
{
    return strstr(path, "_desc_") && !strstr(path, "_desc_es");
}

/* What another package (tuxpaint-data) puts beside them would move the choice of all others. */
static bool is_of_package(const char *path)
{
    return !strstr(path, "/cartoon/tux/");
}

static int files_visit(const char *path, const struct stat *s, int kind, struct FTW *at)
{
    (void)s, (void)at;
    struct files *f = kind != FTW_F                                          ? NULL
                      : path_ends(path, ".ogg") && is_clean(path)          ? &sounds
                      : path_ends(path, ".png") && is_of_package(path)     ? &pictures
                                                                           : NULL;
    if (!f)
        return 0;
    f->path = realloc(f->path, (size_t)(f->count + 1) * sizeof *f->path);
    if (!f->path)
        abort();
    f->path[f->count++] = strdup(path);
    return 0;
}

static int compare_path(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool item_load(const struct rt_modality *m, const char *path, struct rt_tensor *raw)
{
    uint8_t *bytes;
    size_t size;
    struct rt_error e = {0};
    if (rt_file_read(path, RT_FILE_MAX, &bytes, &size, &e) < 0)
        return false;
    int rc = m->load(&RT_INPUT(bytes, size, path), raw, NULL, &e);
    free(bytes);
    if (rc == 0 && m->id == RT_IMAGE && raw->dim[0] * raw->dim[1] > PIXELS_MAX) {
        rt_tensor_fini(raw);
        return false;
    }
    return rc == 0;
}

/* `wanted` items, spread over the files; where one cannot be used, the next that can. */
static int items_load(const struct rt_modality *m, const struct files *f, int wanted, struct rt_tensor *item)
{
    int count = 0;
    for (int i = 0; i < wanted; i++) {
        int64_t at = (int64_t)i * f->count / wanted, end = (int64_t)(i + 1) * f->count / wanted;
        while (at < end && !item_load(m, f->path[at], &item[count]))
            at++;
        count += at < end;
    }
    return count;
}

/* ---- Spearman ---- */

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double list_median(const double *x, int n)
{
    double *s = malloc((size_t)(n + 1) * sizeof *s);
    int k = 0;
    for (int i = 0; s && i < n; i++)
        if (isfinite(x[i]))
            s[k++] = x[i];
    if (k)
        qsort(s, (size_t)k, sizeof *s, compare_double);
    double m = k ? (s[(k - 1) / 2] + s[k / 2]) / 2 : NAN;
    free(s);
    return m;
}

static double list_least(const double *x, int n)
{
    double least = INFINITY;
    for (int i = 0; i < n; i++)
        least = isfinite(x[i]) && x[i] < least ? x[i] : least;
    return least;
}

/* Mean rank of x[i] among x. */
static double rank_of(const double *x, int n, int i)
{
    double below = 0, equal = 0;
    for (int k = 0; k < n; k++) {
        below += x[k] < x[i];
        equal += x[k] == x[i];
    }
    return below + equal / 2;
}

static double spearman(const double *x, const double *y, int n)
{
    double xx = 0, yy = 0, xy = 0, middle = n / 2.0;
    for (int i = 0; i < n; i++) {
        double a = rank_of(x, n, i) - middle, b = rank_of(y, n, i) - middle;
        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

/* ---- climbing ---- */

static int measure_index(const struct rt_modality *m, const char *name)
{
    for (int i = 0; i < m->measure_count; i++)
        if (strcmp(m->measures[i].name, name) == 0)
            return i;
    fprintf(stderr, "no measure %s\n", name);
    exit(1);
}

struct climb {
    double value[ITEMS_MAX * RUNGS_MAX], strength[ITEMS_MAX * RUNGS_MAX], within[ITEMS_MAX];
    int points, items;
    double median, least, over_all;
};

static void climb_ladder(const struct ladder *l, const struct rt_modality *m, const struct rt_tensor *item,
                         int count, struct climb *c)
{
    int at = measure_index(m, l->measure);
    memset(c, 0, sizeof *c);
    for (int i = 0; i < count; i++) {
        double value[RT_MEASURES_MAX];
        int first = c->points;
        for (int r = 0; r < l->rungs; r++) {
            if (!l->plant(&item[i], i, l->strength[r], value) || !isfinite(value[at]))
                continue;
            c->strength[c->points] = l->strength[r];
            c->value[c->points++] = l->way * value[at];
        }
        if (c->points - first > 2)
            c->within[c->items++] =
                spearman(c->strength + first, c->value + first, c->points - first);
    }
    c->median = list_median(c->within, c->items);
    c->least = list_least(c->within, c->items);
    c->over_all = spearman(c->strength, c->value, c->points);
}

/* Median over the items at one strength. */
static double climb_value(const struct climb *c, const struct ladder *l, double strength)
{
    double v[ITEMS_MAX];
    int n = 0;
    for (int i = 0; i < c->points; i++)
        if (c->strength[i] == strength)
            v[n++] = l->way * c->value[i];
    return list_median(v, n);
}

static void climb_print(const struct climb *c, const struct ladder *l)
{
    printf("| `%s` | %s | ", l->measure, l->damage);
    for (int r = 0; r < l->rungs; r++)
        printf("%s%g: %.3g", r ? ", " : "", l->strength[r], climb_value(c, l, l->strength[r]));
    printf(" | %.3f | %.3f | %.3f |\n", c->median, c->least, c->over_all);
}

static int ladders_climb(const struct ladder *l, const struct rt_modality *m, const struct rt_tensor *item,
                         int count, bool is_table)
{
    static struct climb c;
    int bad = 0;
    for (; l->measure; l++) {
        climb_ladder(l, m, item, count, &c);
        if (is_table)
            climb_print(&c, l);
        if (!c.items) {
            fprintf(stderr, "%s: %s: cannot be written here, not tried\n", l->measure, l->damage);
            continue;
        }
        double over_all = l->bar == NEARLY ? OVER_ALL_NEARLY : OVER_ALL;
        if (l->bar == FREE || (c.median >= WITHIN && (l->bar == OWN || c.over_all >= over_all)))
            continue;
        fprintf(stderr, "%s: %s: Spearman %.3f within an item, %.3f over all\n", l->measure, l->damage,
                c.median, c.over_all);
        bad++;
    }
    return bad;
}

static int rewards_check(const struct reward *r, const struct rt_modality *m, const struct rt_tensor *item,
                         int count, bool is_table)
{
    int bad = 0;
    for (; r->measure; r++) {
        int at = measure_index(m, r->measure), n = 0;
        double change[ITEMS_MAX], before[RT_MEASURES_MAX], after[RT_MEASURES_MAX];
        for (int i = 0; i < count; i++)
            if (r->plant_before(&item[i], i, r->before, before) &&
                r->plant(&item[i], i, r->strength, after))
                change[n++] = r->is_ratio ? after[at] / before[at] : after[at] - before[at];
        double median = list_median(change, n);
        if (is_table)
            printf("| `%s` | %s | %s%.3g | %g to %g |\n", r->measure, r->damage,
                   r->is_ratio ? "x " : median < 0 ? "" : "+", median, r->least, r->most);
        if (median >= r->least && median <= r->most)
            continue;
        fprintf(stderr, "%s: %s changes it by %.3g, not %g to %g\n", r->measure, r->damage, median,
                r->least, r->most);
        bad++;
    }
    return bad;
}

static int modality_check(const struct rt_modality *m, const struct files *f, int wanted, bool is_table)
{
    static struct rt_tensor item[ITEMS_MAX];
    static const char *const golden[] = {"tests/golden/fbank_in_fr.wav", "tests/golden/fbank_in_ru.wav"};
    bool is_speech = m->id == RT_SPEECH;
    int count = 0;
    for (int i = 0; is_speech && i < 2; i++)
        count += item_load(m, golden[i], &item[count]);
    count += items_load(m, f, wanted - count, item + count);
    speech_babble(item, count);
    if (is_table)
        printf("\n%d %s:\n\n| measure | damage | strength: value (median) | Spearman within, median "
               "| least | over all |\n|---|---|---|---|---|---|\n",
               count, is_speech ? "recordings" : "pictures");
    int bad = ladders_climb(is_speech ? speech_ladders : image_ladders, m, item, count, is_table);
    if (is_table)
        printf("\n| measure | damage | change (median) | allowed |\n|---|---|---|---|\n");
    bad += rewards_check(is_speech ? speech_rewards : image_rewards, m, item, count, is_table);
    for (int i = 0; i < count; i++)
        rt_tensor_fini(&item[i]);
    return bad;
}

int main(int argc, char **argv)
{
    int wanted = 12, option;
    bool is_table = false;
    while ((option = getopt(argc, argv, "n:t")) != -1) {
        if (option == 'n')
            wanted = atoi(optarg);
        else if (option == 't')
            is_table = true;
        else
            return 2;
    }
    if (wanted < 4 || wanted > ITEMS_MAX)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    nftw(STAMPS, files_visit, 16, FTW_PHYS);
    if (!sounds.count || !pictures.count) {
        fprintf(stderr, "no %s: Debian package tuxpaint-stamps-default\n", STAMPS);
        return 77;
    }
    qsort(sounds.path, (size_t)sounds.count, sizeof *sounds.path, compare_path);
    qsort(pictures.path, (size_t)pictures.count, sizeof *pictures.path, compare_path);
    int bad = modality_check(&rt_modality_speech, &sounds, wanted, is_table) +
              modality_check(&rt_modality_image, &pictures, wanted, is_table);
    for (int i = 0; i < sounds.count; i++)
        free(sounds.path[i]);
    for (int i = 0; i < pictures.count; i++)
        free(pictures.path[i]);
    free(sounds.path);
    free(pictures.path);
    return bad > 0;
}
