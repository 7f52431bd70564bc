/* SPDX-License-Identifier: MIT
 * workload_file: see workload.h; an ONNX file, each thread running its share of the batch. */
#include "tui/cli/workload.h"

#include "formats/rng.h"
#include "stages/nn/parallel.h"
#include "stages/onnx/frozen.h"

#include <stdatomic.h>
#include <stdlib.h>

struct file {
    struct rt_workload base;
    struct rt_workload_config c;
    const char *path;
    struct rt_frozen *model;
    struct rt_frozen_exec **exec; /* [threads] */
    struct rt_parallel *parallel;
    int inputs;
    void **input; /* [inputs] */
    atomic_int rc;
};

static void file_destroy(struct rt_workload *w)
{
    struct file *f = (struct file *)w;
    for (int i = 0; f->exec && i < f->c.threads; i++)
        rt_frozen_exec_destroy(f->exec[i]);
    for (int i = 0; f->input && i < f->inputs; i++)
        free(f->input[i]);
    free(f->exec);
    free(f->input);
    rt_frozen_destroy(f->model);
    rt_parallel_destroy(f->parallel);
    free(f);
}

static void file_run_part(void *self, int i, int thread)
{
    (void)thread;
    struct file *f = self;
    struct rt_error e = {0};
    int rc = rt_frozen_run(f->exec[i], (const void *const *)f->input, &e);
    if (rc < 0)
        atomic_store(&f->rc, rc);
}

static int file_step(struct rt_workload *w, uint64_t number, struct rt_error *e)
{
    (void)number;
    struct file *f = (struct file *)w;
    rt_parallel_for(f->parallel, f->c.threads, file_run_part, f);
    int rc = atomic_load(&f->rc);
    return rc < 0 ? rt_error_set(e, rc, "%s: cannot run on random numbers", f->path) : 0;
}

static void file_print_layers(const struct rt_workload *w, double peak, int steps)
{
    (void)w, (void)peak, (void)steps;
}

/* shape: room for the inputs' shapes with a share of the batch. */
static int file_make_inputs(struct file *f, struct rt_tensor *shape, struct rt_error *e)
{
    for (int i = 0; i < f->inputs; i++) {
        const struct rt_tensor *one;
        rt_frozen_input(f->model, i, &one);
        shape[i] = *one;
        shape[i].data = NULL;
        if (shape[i].rank > 0)
            shape[i].dim[0] = f->c.batch / f->c.threads;
        if (one->dtype != RT_F32)
            return rt_error_set(e, RT_EMISMATCH, "%s: bench takes inputs of 32-bit floats only", f->path);
        int64_t count = rt_tensor_count(&shape[i]);
        float *data = malloc((size_t)count * sizeof *data);
        if (!data)
            return rt_error_set(e, RT_EMEM, "%s: out of memory", f->path);
        struct rt_rng rng = rt_rng_init(1, 0, (uint64_t)i, RT_RNG_TEST);
        for (int64_t k = 0; k < count; k++)
            data[k] = (float)rt_rng_normal(&rng);
        f->input[i] = data;
    }
    return 0;
}

/* ---- making ----
 * The file is opened twice: what its inputs are is known only from the file, and the sizes it is made ready for are
 * given when it is opened. */

static int file_open_for_batch(struct file *f, struct rt_tensor *shape, struct rt_error *e)
{
    RT_TRY(file_make_inputs(f, shape, e));
    rt_frozen_destroy(f->model);
    f->model = NULL;
    return rt_frozen_open(&f->model, f->path, &(struct rt_frozen_options){.input = shape}, e);
}

static int file_make(struct file *f, struct rt_error *e)
{
    RT_TRY(rt_frozen_open(&f->model, f->path, NULL, e));
    f->inputs = rt_frozen_inputs(f->model);
    struct rt_tensor *shape = calloc((size_t)f->inputs, sizeof *shape);
    f->input = calloc((size_t)f->inputs, sizeof *f->input);
    f->exec = calloc((size_t)f->c.threads, sizeof *f->exec);
    int rc = shape && f->input && f->exec ? file_open_for_batch(f, shape, e)
                                          : rt_error_set(e, RT_EMEM, "%s: out of memory", f->path);
    free(shape);
    RT_TRY(rc);
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
    f->base = (struct rt_workload){file_step, file_print_layers, file_destroy};
    f->c = *c;
    f->path = path;
    int rc = file_make(f, e);
    if (rc < 0)
        file_destroy(&f->base);
    else
        *out = &f->base;
    return rc;
}
