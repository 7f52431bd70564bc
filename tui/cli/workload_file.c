/* SPDX-License-Identifier: MIT
 * workload_file: see workload.h; an ONNX file, each thread running its share of the batch sample by sample, as teachers
 * do: what one layer gives is still in cache when the next reads it. */
#include "tui/cli/workload.h"

#include "formats/plain.h"
#include "stages/nn/parallel.h"
#include "stages/onnx/frozen/frozen.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct file {
    struct rt_workload base;
    struct rt_workload_config c;
    const char *path;
    struct rt_frozen *model;
    struct rt_frozen_exec **exec; /* [threads] */
    struct rt_parallel *parallel;
    struct rt_onnx *onnx;
    struct rt_sample sample;
    double *ms; /* [threads][layers], when they are asked for */
    double whole_ms; /* of all steps that count */
    atomic_int rc;
};

static void file_destroy(struct rt_workload *w)
{
    struct file *f = (struct file *)w;
    for (int i = 0; f->exec && i < f->c.threads; i++)
        rt_frozen_exec_destroy(f->exec[i]);
    free(f->exec);
    free(f->ms);
    rt_frozen_destroy(f->model);
    rt_sample_fini(&f->sample);
    rt_onnx_destroy(f->onnx);
    rt_parallel_destroy(f->parallel);
    free(f);
}

static void file_run_part(void *self, int i, int thread)
{
    (void)thread;
    struct file *f = self;
    struct rt_error e = {0};
    for (int k = 0; k < f->c.batch / f->c.threads; k++) {
        int rc = rt_frozen_run(f->exec[i], f->sample.data, &e);
        if (rc < 0)
            atomic_store(&f->rc, rc);
    }
}

static int file_step(struct rt_workload *w, uint64_t number, struct rt_error *e)
{
    struct file *f = (struct file *)w;
    int layers = rt_frozen_steps(f->model);
    for (int i = 0; f->ms && i < f->c.threads; i++)
        rt_frozen_exec_profile(f->exec[i], number > 0 ? f->ms + i * layers : NULL);
    uint64_t start = uv_hrtime();
    rt_parallel_for(f->parallel, f->c.threads, file_run_part, f);
    f->whole_ms += number > 0 ? (double)(uv_hrtime() - start) * 1e-6 : 0;
    int rc = atomic_load(&f->rc);
    return rc < 0 ? rt_error_set(e, rc, "%s: cannot run on random numbers", f->path) : 0;
}

/* ---- layers ----
 * Each thread runs all of them for its share of the batch, so a layer's time is the mean over threads. What a step
 * takes beside them (copying the inputs, waiting for the slowest thread) is a line of its own: the table adds up. */

static void file_print_layer(const struct rt_frozen_layer *l, double ms, double peak)
{
    char shape[64] = "";
    for (int d = 0; l->shape && d < l->shape->rank; d++)
        snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%s%lld", d ? "x" : "",
                 (long long)l->shape->dim[d]);
    rt_plain_print(stdout, "%-24.24s %-22s %-16s ", l->name, l->op, shape);
    if (l->flops > 0)
        printf("%9.1f %9.3f %9.1f %5.0f%%\n", l->flops * 1e-6, ms, l->flops / ms * 1e-6,
               100 * l->flops / ms / peak * 1e-6);
    else
        rt_plain_print(stdout, "%9s %9.3f\n", "", ms);
}

static void file_print_layers(const struct rt_workload *w, double peak, int steps)
{
    const struct file *f = (const struct file *)w;
    int layers = rt_frozen_steps(f->model);
    double sum = 0;
    rt_plain_print(stdout, "%-24s %-22s %-16s %9s %9s %9s %6s\n", "layer", "operator", "output", "MFLOP", "ms",
                   "GFLOP/s", "peak");
    for (int i = 0; f->ms && i < layers; i++) {
        struct rt_frozen_layer l;
        double ms = 0;
        for (int t = 0; t < f->c.threads; t++)
            ms += f->ms[t * layers + i] / steps / f->c.threads;
        rt_frozen_layer(f->model, i, &l);
        l.flops *= f->c.batch / f->c.threads;
        file_print_layer(&l, ms, peak);
        sum += ms;
    }
    double whole = f->whole_ms / steps;
    rt_plain_print(stdout, "%-24s %-22s %-16s %9s %9.3f\n", "beside them", "", "", "", whole - sum);
    rt_plain_print(stdout, "%-24s %-22s %-16s %9s %9.3f\n", "mean step", "", "", "", whole);
}

static int file_make(struct file *f, struct rt_error *e)
{
    int rc;
    RT_TRY(rt_onnx_read(&f->onnx, f->path, e));
    RT_TRY(rt_sample_make(&f->sample, f->onnx, f->path, f->c.wish, 1, e));
    RT_TRY(rt_frozen_create(&f->model, f->onnx, f->path, &(struct rt_frozen_options){.input = f->sample.shape}, e));
    f->exec = calloc((size_t)f->c.threads, sizeof *f->exec);
    f->ms = f->c.layers ? calloc((size_t)(f->c.threads * rt_frozen_steps(f->model)) + 1, sizeof *f->ms) : NULL;
    if (!f->exec || (f->c.layers && !f->ms))
        return rt_error_set(e, RT_EMEM, "%s: out of memory", f->path);
    if ((rc = rt_parallel_create(&f->parallel, f->c.threads)) < 0)
        return rt_error_set(e, rc, "%s: %s", f->path, rt_err_words(rc));
    for (int i = 0; i < f->c.threads; i++)
        if ((rc = rt_frozen_exec_create(&f->exec[i], f->model)) < 0)
            return rt_error_set(e, rc, "%s: out of memory", f->path);
    return 0;
}

int rt_workload_file(struct rt_workload **out, const char *path, const struct rt_workload_config *c,
                     struct rt_error *e)
{
    *out = NULL;
    struct file *f = calloc(1, sizeof *f);
    if (!f)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    f->base = (struct rt_workload){file_step, file_print_layers, file_destroy, 0};
    f->c = *c;
    f->path = path;
    int rc = file_make(f, e);
    if (rc < 0)
        file_destroy(&f->base);
    else
        *out = &f->base;
    return rc;
}
