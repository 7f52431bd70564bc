/* SPDX-License-Identifier: MIT
 * session: see session.h. Opening, and the samples that are left out; its passes: session_passes.c. */
#include "stages/session/session.h"

#include "formats/file.h"
#include "formats/recipe_teacher.h"
#include "formats/words.h"
#include "pipeline/data/labels_alike.h"
#include "stages/session/machine_limits.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define QUALITY_BYTES (UINT64_C(1) << 30) /* of measures: some millions of samples */
#define OTHERS 2 /* threads: the socket's, and one to spare */
#define ROOM 2 /* decoders for each core that a run may be given later: some wait for a disk */

/* ---- limits ----
 * Workers are threads of libuv's pool, whose size is fixed once and for all: room is made at the start for as
 * many decoders as may be asked for while the run goes on. */

static int machine_cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > RT_TEACHER_WORKERS ? RT_TEACHER_WORKERS : (int)n;
}

struct rt_session_limits rt_session_limits_of(const struct rt_recipe *r)
{
    int decoders = r->pipeline_decoders ? (int)r->pipeline_decoders : machine_cores(), room = ROOM * machine_cores();
    return (struct rt_session_limits){
        .decoders = decoders,
        .most_decoders = decoders > room ? decoders : room,
        .batches = (int)r->pipeline_batches,
        .memory = (size_t)r->pipeline_memory << 20,
        .level = (int)r->pipeline_zstd,
        .strict = r->run_strict,
    };
}

/* ---- opening ----
 * A cache saves time and is never needed: one that cannot be opened is done without, and that is said. The
 * manifest is needed, so what is wrong with it ends everything. */

static struct rt_store *session_open_store(const struct rt_session *s, const char *name, uint64_t limit)
{
    struct rt_store *store = NULL;
    struct rt_error e = {0};
    if (limit && rt_store_open(&store, s->cache, name, limit, &e) < 0)
        rt_watch_warn(&s->watch, "going on without this cache: %s", e.text);
    return store;
}

static void session_open_caches(struct rt_session *s, const struct rt_recipe *r)
{
    struct rt_error why = {0};
    if (*r->cache_dir)
        snprintf(s->cache, sizeof s->cache, "%s", r->cache_dir);
    else
        rt_store_home(s->cache, sizeof s->cache);
    s->cache_bytes = (uint64_t)r->cache_size << 20;
    if (!s->cache[0]) {
        rt_watch_warn(&s->watch, "going on without caches: neither cache.dir nor HOME says where they may lie");
        return;
    }
    if (rt_file_mkdirs(s->cache, &why) < 0) {
        rt_watch_warn(&s->watch, "going on without caches: %s", why.text);
        return;
    }
    if (faccessat(AT_FDCWD, s->cache, W_OK, AT_EACCESS) < 0) { /* said once, and not of each file in it */
        rt_error_errno(&why, "cannot write in", s->cache);
        rt_watch_warn(&s->watch, "going on without caches: %s; cache.dir (--cache) names another folder", why.text);
        s->cache[0] = '\0';
        return;
    }
    s->shards = session_open_store(s, RT_SHARDS_STORE, RT_SHARDS_BYTES);
    rt_datafiles_keep(s->sources, s->shards);
    for (int m = 0; m < RT_MODALITIES; m++) {
        char name[64];
        snprintf(name, sizeof name, "features-%s", rt_modality_names[m]);
        if (s->dataset.column[m] < 0 || rt_modalities[m]->quick)
            continue;
        s->features[m] = session_open_store(s, name, s->cache_bytes);
        if (!s->quality)
            s->quality = session_open_store(s, "quality", QUALITY_BYTES);
    }
    if (s->dataset.column[RT_SPEECH] >= 0)
        s->sound = session_open_store(s, "sound", (uint64_t)r->cache_sound << 20);
}

static int session_allocate(struct rt_session *s)
{
    s->left_mark = calloc((size_t)s->dataset.count + 1, 1);
    uv_mutex_t *lock = malloc(sizeof *lock);
    if (lock && uv_mutex_init(lock) != 0) {
        free(lock);
        lock = NULL;
    }
    s->left_lock = lock;
    RT_TRY(rt_datafiles_create(&s->sources));
    return s->left_mark && s->left_lock ? rt_content_init(&s->content, s->dataset.count) : RT_EMEM;
}

static int session_tell_labels(const struct rt_session *s, struct rt_error *e)
{
    char text[600];
    int groups = rt_dataset_labels_alike(&s->dataset, text, sizeof text);
    if (groups < 0)
        return rt_error_set(e, groups, "%s: labels: %s", rt_manifest_path(s->dataset.manifest), rt_err_words(groups));
    if (groups)
        rt_watch_warn(&s->watch, "labels that are near-equal are classes of their own: %s", text);
    return 0;
}

/* A column that is spelled almost as one that has a meaning is kept as a column of its own, and that is seldom
 * meant. */
static void session_tell_columns(const struct rt_session *s)
{
    static const char *const names[] = {"split", "label", "group", "weight", "speech", "image", "text"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char hint[RT_MANIFEST_HINT];
        if (rt_manifest_column(s->dataset.manifest, names[i]) < 0 &&
            *rt_manifest_column_hint(s->dataset.manifest, names[i], hint))
            rt_watch_warn(&s->watch, "%s: there is no column '%s'%s, which is read as a column of your own",
                          rt_manifest_path(s->dataset.manifest), names[i], hint);
    }
}

int rt_session_open(struct rt_session *s, const struct rt_recipe *r, const char *manifest, double labels,
                    const char *const *class_name, int classes, const struct rt_watch *watch, struct rt_error *e)
{
    memset(s, 0, sizeof *s);
    if (watch)
        s->watch = *watch;
    s->limits = rt_session_limits_of(r);
    /* Decoders, as many workers for each teacher (or the model looked at), one quality stage and the student: all
     * may work at once. */
    int teachers = rt_recipe_teachers(r);
    int pool = s->limits.most_decoders + s->limits.decoders * (teachers > 1 ? teachers : 1) + 2;
    rt_runner_pool(pool);
    RT_TRY(rt_machine_try(pool, (int)(r->train_threads ? r->train_threads : machine_cores()) + OTHERS, e));
    uint64_t seed = (uint64_t)(r->data_labels_seed ? r->data_labels_seed : r->seed);
    RT_TRY(rt_dataset_load(&s->dataset, manifest, labels, seed, class_name, classes, e));
    if (session_allocate(s) < 0) {
        int count = s->dataset.count;
        rt_session_close(s);
        return rt_error_set(e, RT_EMEM, "%s: no memory for %d samples", manifest, count);
    }
    session_open_caches(s, r);
    session_tell_columns(s);
    return session_tell_labels(s, e);
}

void rt_session_close(struct rt_session *s)
{
    for (int m = 0; m < RT_MODALITIES; m++)
        rt_store_close(s->features[m]);
    rt_store_close(s->quality);
    rt_store_close(s->sound);
    rt_store_close(s->shards);
    rt_scores_fini(&s->scores);
    rt_content_fini(&s->content);
    rt_dataset_fini(&s->dataset);
    rt_datafiles_destroy(s->sources);
    if (s->left_lock)
        uv_mutex_destroy(s->left_lock);
    free(s->left_lock);
    free(s->left);
    free(s->left_mark);
    memset(s, 0, sizeof *s);
}

struct rt_raw_source rt_session_raw(const struct rt_session *s)
{
    return (struct rt_raw_source){.dataset = &s->dataset, .files = s->sources, .content = &s->content,
                                  .kept = s->sound, .level = s->limits.level};
}

/* ---- samples left out ----
 * Found by several workers at once while scoring, and later by training when a file that was fine no longer is.
 * One list in manifest order, so that what people read does not depend on who was first. */

static bool drop_is_after(const struct rt_drop *x, const struct rt_drop *y)
{
    return x->sample != y->sample ? x->sample > y->sample : x->modality > y->modality;
}

static void left_insert(struct rt_session *s, const struct rt_drop *drop)
{
    if (s->left_count == s->left_room) {
        int room = s->left_room ? s->left_room * 2 : 64;
        struct rt_drop *more = realloc(s->left, (size_t)room * sizeof *more);
        if (!more)
            return; /* the sample is left out all the same, only not listed */
        s->left = more;
        s->left_room = room;
    }
    int at = s->left_count++; /* batches come nearly in order: few places to move */
    for (; at > 0 && drop_is_after(&s->left[at - 1], drop); at--)
        s->left[at] = s->left[at - 1];
    s->left[at] = *drop;
}

void rt_session_leave_out(void *session, const struct rt_drop *drop)
{
    struct rt_session *s = session;
    uint8_t bit = (uint8_t)(1u << drop->modality);
    uv_mutex_lock(s->left_lock);
    if (!(s->left_mark[drop->sample] & bit))
        left_insert(s, drop);
    s->left_mark[drop->sample] |= bit;
    uv_mutex_unlock(s->left_lock);
}

void rt_session_hold(const struct rt_session *s, bool on)
{
    if (on)
        uv_mutex_lock(s->left_lock);
    else
        uv_mutex_unlock(s->left_lock);
}

const struct rt_drop *rt_session_drop(const struct rt_session *s, int row)
{
    int low = 0, high = s->left_count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (s->left[middle].sample < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->left_count && s->left[low].sample == row ? &s->left[low] : NULL;
}

void rt_session_summary(const struct rt_session *s, char *text, size_t size)
{
    static const char *const noun[RT_MODALITIES] = {"audio", "picture", "text"};
    int count[RT_MODALITIES][128] = {0}, samples = 0;
    for (int i = 0; i < s->left_count; i++) {
        count[s->left[i].modality][-s->left[i].reason & 127]++;
        samples += i == 0 || s->left[i].sample != s->left[i - 1].sample;
    }
    text[0] = '\0';
    if (!samples)
        return;
    char a[32], b[32];
    snprintf(text, size, "%s of %s samples left out: ", rt_count_text(samples, a),
             rt_count_text(s->dataset.count, b));
    const char *between = "";
    for (int m = 0; m < RT_MODALITIES; m++)
        for (int r = 1; r < 128; r++)
            if (count[m][r]) {
                size_t at = strlen(text);
                snprintf(text + at, size - at, "%s%s %s %s", between,
                         rt_count_text(count[m][r], a), rt_err_words(-r), noun[m]);
                between = ", ";
            }
}
