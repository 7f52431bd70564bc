/* SPDX-License-Identifier: MIT
 * init_look: see init_look.h. */
#include "tui/cli/init_look.h"
#include "formats/plain.h"
#include "formats/words.h"
#include "stages/session/duplicates.h"
#include "stages/session/session.h"
#include "tui/cli/cmd.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAMED 8      /* classes, or samples, that are named; more are counted */
#define FEW 3        /* rows of a class that can still stand in each split */

/* ---- counting ---- */

static void found_count(struct rt_init_found *f, const struct rt_dataset *d)
{
    f->rows = d->count;
    f->classes = d->classes;
    for (int row = 0; row < d->count; row++)
        f->of_split[d->split[row]]++;
    for (int m = 0; m < RT_MODALITIES; m++) {
        f->column[m] = d->column[m] >= 0;
        for (int row = 0; f->column[m] && row < d->count; row++) {
            int reason = d->reason[m][row];
            bool empty = rt_manifest_cell(d->manifest, row, d->column[m])[0] == '\0';
            f->cells[m] += !empty;
            f->usable[m] += reason == 0;
            f->train[m] += reason == 0 && d->split[row] == RT_TRAIN;
        }
    }
}

static int value_compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The median of a measure; 0 when nothing was measured. */
static double found_median(const struct rt_scores *s, const char *measure)
{
    double median = 0;
    float *value = malloc(((size_t)s->rows + 1) * sizeof *value);
    for (int c = 0; value && c < s->columns; c++) {
        int n = 0;
        if (strcmp(s->column[c].measure->name, measure))
            continue;
        for (int row = 0; row < s->rows; row++) {
            float v = s->value[(size_t)row * (size_t)s->columns + (size_t)c];
            if (isfinite(v))
                value[n++] = v;
        }
        qsort(value, (size_t)n, sizeof *value, value_compare);
        median = n ? value[n / 2] : 0;
    }
    free(value);
    return median;
}

/* ---- saying ---- */

struct class_rows {
    const char *name;
    int rows;
};

static int class_compare(const void *a, const void *b)
{
    const struct class_rows *x = a, *y = b;
    return y->rows - x->rows ? y->rows - x->rows : strcmp(x->name, y->name);
}

static void classes_say(const struct rt_dataset *d, const struct class_rows *class)
{
    char text[1200];
    int n = snprintf(text, sizeof text, "%d%s", d->classes, d->classes ? ": " : "");
    for (int i = 0; i < d->classes && i < NAMED && n < 1000; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s%.80s %d", i ? ", " : "", class[i].name, class[i].rows);
    if (d->classes > NAMED)
        snprintf(text + n, sizeof text - (size_t)n, ", ..., %.80s %d", class[d->classes - 1].name,
                 class[d->classes - 1].rows);
    rt_cmd_say("classes", text);
}

/* What would make a run useless or its figures worth nothing. */
static void labels_warn(const struct rt_dataset *d, const struct class_rows *class)
{
    int few = 0, strangers = 0, without = 0;
    char text[400];
    for (int i = 0; i < d->classes; i++)
        few += class[i].rows < FEW;
    for (int row = 0; row < d->count; row++) {
        strangers += d->named[row] >= d->classes;
        without += d->named[row] < 0;
    }
    if (!d->classes)
        rt_cmd_say("warning", "no row has a label: a student learns nothing but what a teacher says, and nothing can "
                   "be measured; put files into a folder per class, or give --label COL");
    else if (2 * d->classes > d->count && d->count > 4) {
        snprintf(text, sizeof text, "%d classes for %d rows: are these labels, or names of samples?", d->classes,
                 d->count);
        rt_cmd_say("warning", text);
    } else if (few) {
        snprintf(text, sizeof text, "%d class%s fewer than %d rows, such as %.80s: too few for every split", few,
                 few == 1 ? " has" : "es have", FEW, class[d->classes - 1].name);
        rt_cmd_say("warning", text);
    }
    if (d->classes && without) {
        snprintf(text, sizeof text, "%d rows have no label: a teacher can still teach them", without);
        rt_cmd_say("labels", text);
    }
    if (strangers) {
        snprintf(text, sizeof text, "%d rows of valid and test have labels that no training row has, such as %.80s: "
                 "they count as wrong answers", strangers, d->stranger_name[0]);
        rt_cmd_say("warning", text);
    }
}

static int labels_say(const struct rt_dataset *d, struct rt_error *e)
{
    struct class_rows *class = calloc((size_t)d->classes + 1, sizeof *class);
    if (!class)
        return rt_error_set(e, RT_EMEM, "no memory for %d classes", d->classes);
    for (int i = 0; i < d->classes; i++)
        class[i].name = d->class_name[i];
    for (int row = 0; row < d->count; row++)
        if (d->truth[row] >= 0)
            class[d->truth[row]].rows++;
    qsort(class, (size_t)d->classes, sizeof *class, class_compare);
    classes_say(d, class);
    labels_warn(d, class);
    free(class);
    return 0;
}

static void modality_say(const struct rt_init_found *f, const struct rt_session *s, int m, const char *manifest)
{
    char text[900];
    const struct rt_drop *first = NULL;
    for (int i = 0; i < s->left_count && !first; i++)
        if (s->left[i].modality == m)
            first = &s->left[i];
    int n = snprintf(text, sizeof text, "%d rows", f->cells[m]);
    if (f->rows > f->cells[m])
        n += snprintf(text + n, sizeof text - (size_t)n, "; %d have none", f->rows - f->cells[m]);
    if (f->cells[m] > f->usable[m] && first)
        snprintf(text + n, sizeof text - (size_t)n, "; %d cannot be used, such as %.60s: %.200s (all: retort inspect "
                 "%.300s -w reason --columns id,reason,detail)", f->cells[m] - f->usable[m],
                 rt_manifest_cell(s->dataset.manifest, first->sample, rt_manifest_column(s->dataset.manifest, "id")),
                 first->text[0] ? first->text : rt_err_words(first->reason), manifest);
    rt_cmd_say(rt_modality_names[m], text);
}

/* One thing twice is a label too many, or a test that was trained on; of texts it may be meant. */
static int duplicates_say(const struct rt_session *s, const char *manifest, struct rt_error *e)
{
    char words[400], text[900];
    struct rt_duplicates r = {.first = NULL};
    int modality = rt_duplicates_modality(&s->dataset);
    int rc = modality < 0 || modality == RT_TEXT ? 0 : rt_duplicates_find(&r, &s->dataset, &s->content, modality);
    if (rc == 0 && r.rows) {
        rt_duplicates_words(&r, &s->dataset, words, sizeof words);
        snprintf(text, sizeof text, "%s (all: retort inspect %.300s -w same_as --columns id,label,split,same_as)",
                 words, manifest);
        rt_cmd_say(r.labels || r.splits ? "warning" : "copies", text);
    }
    rt_duplicates_fini(&r);
    return rc < 0 ? rt_error_set(e, rc, "no memory for %d rows", s->dataset.count) : 0;
}

static void splits_warn(const struct rt_init_found *f)
{
    char text[200];
    for (int split = RT_VALID; split < RT_SPLITS; split++) {
        snprintf(text, sizeof text, "no row is %s: %s", rt_split_names[split],
                 split == RT_VALID ? "the best of a run is chosen there; without it the last is taken"
                                   : "nothing is left to measure what the run is worth");
        if (!f->of_split[split])
            rt_cmd_say("warning", text);
    }
}

static int found_fill(struct rt_init_found *f, struct rt_session *s, const char *manifest, bool files,
                      const char *cache, const struct rt_watch *watch, struct rt_error *e)
{
    static struct rt_recipe recipe;
    bool modality[RT_MODALITIES];
    const struct rt_front *front[RT_MODALITIES] = {NULL};
    rt_recipe_init(&recipe);
    if (cache)
        snprintf(recipe.cache_dir, sizeof recipe.cache_dir, "%s", cache);
    RT_TRY(rt_session_open(s, &recipe, manifest, 1, NULL, 0, watch, e));
    for (int m = 0; m < RT_MODALITIES; m++)
        modality[m] = s->dataset.column[m] >= 0;
    if (files)
        RT_TRY(rt_session_score(s, modality, front, e));
    found_count(f, &s->dataset);
    if (files) {
        f->seconds = found_median(&s->scores, "duration");
        f->pixels = found_median(&s->scores, "resolution");
    }
    return 0;
}

int rt_init_look(struct rt_init_found *f, const char *manifest, bool files, const char *cache,
                 const struct rt_watch *watch, struct rt_error *e)
{
    struct rt_session *s = calloc(1, sizeof *s);
    memset(f, 0, sizeof *f);
    if (!s)
        return rt_error_set(e, RT_EMEM, "out of memory");
    int rc = found_fill(f, s, manifest, files, cache, watch, e);
    if (rc == 0)
        rc = labels_say(&s->dataset, e);
    for (int m = 0; rc == 0 && m < RT_MODALITIES; m++)
        if (f->column[m])
            modality_say(f, s, m, manifest);
    if (rc == 0 && files)
        rc = duplicates_say(s, manifest, e);
    if (rc == 0)
        splits_warn(f);
    rt_session_close(s);
    free(s);
    return rc;
}
