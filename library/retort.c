/* SPDX-License-Identifier: MIT
 * retort: a model opened for other programs (retort.h): loading, sharing, describing, closing. Samples: answer.c. */
#include "library/retort.h"

#include "library/handle.h"
#include "formats/audiofile.h"
#include "stages/modality/fbank.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 64

/* ---- errors ----
 * The codes are those of formats/errors.def, spelled once more because retort.h stands alone where it is installed. */

#define SAME(name) _Static_assert((int)RETORT_##name == (int)RT_##name, "retort.h has another number for " #name)
SAME(EMEM);
SAME(EIO);
SAME(EMISSING);
SAME(EFORMAT);
SAME(EEMPTY);
SAME(ESHORT);
SAME(ESILENT);
SAME(ENOTFINITE);
SAME(ESMALL);
SAME(ELARGE);
SAME(EBLANK);
SAME(ERANGE);
SAME(EUSAGE);
SAME(EMISMATCH);
#undef SAME
_Static_assert(sizeof(struct retort_error) == sizeof(struct rt_error), "a text might be cut");
_Static_assert((int)RETORT_SPEECH == (int)RT_SPEECH && (int)RETORT_IMAGE == (int)RT_IMAGE &&
               (int)RETORT_TEXT == (int)RT_TEXT, "retort.h numbers the inputs otherwise");

int rt_handle_fail(struct retort_error *out, int rc, const struct rt_error *e)
{
    if (out) {
        out->code = rc;
        snprintf(out->text, sizeof out->text, "%s", e->code == rc && e->text[0] ? e->text : rt_err_words(rc));
    }
    return rc;
}

/* ---- the weights ----
 * Shared by all clones and counted. What the settings say is read as `retort eval -s` does, so that a file of another
 * program is read alike here and there. */

static int shared_load(struct rt_shared *s, const char *path, const struct retort_options *o, struct rt_error *e)
{
    struct rt_recipe *r = malloc(sizeof *r);
    if (!r)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    rt_recipe_init(r);
    int rc = 0;
    for (const char *const *setting = o ? o->settings : NULL; rc == 0 && setting && *setting; setting++)
        rc = strncmp(*setting, "teacher.", 8) == 0
                 ? rt_recipe_set(r, *setting, e)
                 : rt_error_set(e, RT_EUSAGE, "setting \"%s\": one of how another program's ONNX file is read: "
                                "teacher.front.preset, teacher.embedding, ...", *setting);
    if (rc == 0)
        rc = rt_model_load_any(&s->model, path, r, e);
    free(r);
    if (rc < 0)
        return rc;
    rc = rt_ready_create(&s->ready, &s->model, false);
    if (rc < 0)
        rt_model_fini(&s->model);
    return rc < 0 ? rt_error_set(e, rc, "%s: no memory to lay out its weights", path) : 0;
}

static void shared_unref(struct rt_shared *s)
{
    if (s && atomic_fetch_sub(&s->handles, 1) == 1) {
        rt_ready_destroy(s->ready);
        rt_model_fini(&s->model);
        free(s);
    }
}

/* ---- a handle ----
 * All that a call works in is made here, so that what can fail for want of memory mostly fails here. */

static int handle_prepare(struct retort *r, struct rt_error *e)
{
    const struct rt_model *m = &r->shared->model;
    int64_t dim[3], numbers = 1;
    r->front = m->front;
    int rank = m->modality->shape(&m->front, dim);
    for (int i = 0; i < rank; i++)
        numbers *= dim[i];
    r->row = malloc((size_t)numbers * sizeof *r->row);
    r->posteriors = malloc(((size_t)m->classes + 1) * sizeof *r->posteriors);
    int rc = r->row && r->posteriors ? rt_work_create(&r->front.work) : RT_EMEM;
    if (rc == 0)
        rc = rt_front_fbank(&m->front, m->modality->id, &r->fbank);
    r->front.fbank = r->fbank;
    if (rc == 0)
        rc = rt_net_create_ready(&r->net, r->shared->ready, 1, r->threads);
    return rc < 0 ? rt_error_set(e, rc, "no memory to run the network in") : 0;
}

/* Whether the network takes recordings of any length: then it gets all of each. */
static int handle_look_whole(struct retort *r)
{
    struct rt_error why = {0};
    int rc = rt_net_lengths(&r->shared->model, NULL, &why);
    r->views.whole = rc == 0;
    return rc == RT_EMEM ? rc : 0;
}

/* Takes over one count of s, also when it fails. */
static int handle_create(struct retort **out, struct rt_shared *s, int threads, bool cropped, struct rt_error *e)
{
    struct retort *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r || pthread_mutex_init(&r->lock, NULL)) {
        free(r);
        shared_unref(s);
        return rt_error_set(e, RT_EMEM, "out of memory");
    }
    r->shared = s;
    r->threads = threads;
    int rc = cropped ? 0 : handle_look_whole(r);
    if (cropped && s->model.whole)
        rc = rt_error_set(e, RT_EUSAGE, "cropped: the file hears recordings in full; the setting "
                          "teacher.front.size=FRAMES gives it crops");
    else
        rc = rc < 0 ? rt_error_set(e, rc, "no memory to look at the network") : handle_prepare(r, e);
    if (rc < 0) {
        retort_close(r);
        return rc;
    }
    *out = r;
    return 0;
}

static int handle_open(struct retort **out, const char *path, const struct retort_options *o, struct rt_error *e)
{
    int threads = o && o->threads ? o->threads : 1;
    *out = NULL;
    if (threads < 1 || threads > THREADS_MAX)
        return rt_error_set(e, RT_ERANGE, "%d threads: 1 to %d are possible", threads, THREADS_MAX);
    struct rt_shared *s = calloc(1, sizeof *s);
    if (!s)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    atomic_init(&s->handles, 1);
    int rc = shared_load(s, path, o, e);
    if (rc < 0) {
        free(s); /* what did not load holds nothing */
        return rc;
    }
    return handle_create(out, s, threads, o && o->cropped, e);
}

int retort_open(struct retort **out, const char *path, const struct retort_options *options, struct retort_error *e)
{
    struct rt_error own = {0};
    int rc = handle_open(out, path, options, &own);
    return rc < 0 ? rt_handle_fail(e, rc, &own) : 0;
}

int retort_clone(struct retort **out, struct retort *r, struct retort_error *e)
{
    struct rt_error own = {0};
    atomic_fetch_add(&r->shared->handles, 1);
    int rc = handle_create(out, r->shared, r->threads, !r->views.whole, &own);
    return rc < 0 ? rt_handle_fail(e, rc, &own) : 0;
}

void retort_close(struct retort *r)
{
    if (!r)
        return;
    rt_net_destroy(r->net);
    rt_fbank_destroy(r->fbank);
    rt_work_destroy(r->front.work);
    rt_audio_feed_fini(&r->feed);
    free(r->row);
    free(r->posteriors);
    pthread_mutex_destroy(&r->lock);
    shared_unref(r->shared);
    free(r);
}

/* ---- what it is ---- */

void retort_describe(const struct retort *r, struct retort_about *about)
{
    const struct rt_model *m = &r->shared->model;
    *about = (struct retort_about){
        .input = (enum retort_input)m->modality->id,
        .embedding = m->dim,
        .classes = m->classes,
        .weights = rt_graph_weights(m->graph),
        .network = rt_model_net_name(m),
        .read = rt_model_about(m),
        .front = rt_model_front_words(m),
    };
    if (m->modality->id == RT_SPEECH) {
        about->rate = RT_AUDIO_RATE;
        int frames = m->front.speech.frames;
        bool fbank = m->front.speech.features == RT_FEATURES_FBANK;
        double window = fbank ? (double)(RT_FBANK_WINDOW - RT_FBANK_SHIFT) / RT_AUDIO_RATE : 0;
        about->seconds = r->views.whole ? 0 : rt_front_seconds(&m->front, frames) + window;
    } else if (m->modality->id == RT_IMAGE) {
        about->width = about->height = m->front.image.size;
    }
}

const char *retort_label(const struct retort *r, int class_number)
{
    const struct rt_model *m = &r->shared->model;
    return class_number >= 0 && class_number < m->classes ? m->class_name[class_number] : NULL;
}

const char *retort_version(void)
{
    return RT_VERSION;
}
