/* SPDX-License-Identifier: MIT
 * frozen_plan: places values in one piece of memory: steps are gone through in order, each value takes
 * the lowest gap between those that live then, and leaves it after its last reader. */
#include "stages/onnx/frozen/frozen_parts.h"

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64
#define WINDOW 256   /* blocks between which a gap is looked for */

/* ---- gaps in one piece of memory ----
 * First fit in the order of the steps. Placing the largest first, as stages/nn/exec.c does, packs
 * better where values live long, as for a backward pass; here nearly all are read by the next steps
 * and go. No network has as many values that live at once as the window has blocks; a loop of a hundred
 * thousand turns whose results are kept has, and shall not cost the square of its turns. */

struct plan {
    struct block {
        size_t from, to;
    } *block;   /* by place */
    int count;
    size_t top;
    int *due;   /* [steps] the first value that is free after a step, or -1 */
    int *next;  /* [values] the next one that is */
    int steps;
};

static void plan_fini(struct plan *p)
{
    free(p->block);
    free(p->due);
    free(p->next);
}

static int plan_init(struct plan *p, const struct rt_frozen *f)
{
    *p = (struct plan){.steps = f->steps};
    p->block = malloc(((size_t)f->values + 2) * sizeof *p->block);
    p->due = malloc(((size_t)f->steps + 1) * sizeof *p->due);
    p->next = malloc(((size_t)f->values + 1) * sizeof *p->next);
    for (int s = 0; p->due && s < f->steps; s++)
        p->due[s] = -1;
    return p->block && p->due && p->next ? 0 : RT_EMEM;
}

/* Blocks are kept in the order of their addresses, so the first gap that is large enough is the
 * lowest. */
static size_t plan_place(struct plan *p, size_t bytes)
{
    int i = p->count > WINDOW ? p->count - WINDOW : 0;
    size_t size = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, at = i ? p->block[i - 1].to : 0;
    size = size ? size : ALIGNMENT;
    for (; i < p->count && p->block[i].from - at < size; i++)
        at = p->block[i].to;
    memmove(p->block + i + 1, p->block + i, (size_t)(p->count - i) * sizeof *p->block);
    p->block[i] = (struct block){at, at + size};
    p->count++;
    p->top = at + size > p->top ? at + size : p->top;
    return at;
}

static void plan_remove(struct plan *p, size_t from)
{
    int low = 0, high = p->count - 1;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (p->block[middle].from < from)
            low = middle + 1;
        else
            high = middle;
    }
    p->count--;
    memmove(p->block + low, p->block + low + 1, (size_t)(p->count - low) * sizeof *p->block);
}

/* ---- how long a value lives ----
 * A Reshape and its like are their input's memory: the value that owns it lives as long as any that
 * shares it. Outputs live to the end, as they are read after the run. */

static void plan_read_at(struct rt_frozen *f, int value, int step)
{
    struct rt_frozen_value *v = &f->value[f->value[value].same];
    v->last = step > v->last ? step : v->last;
}

/* Outputs have a reader behind the last step. */
static void plan_find_lives(struct rt_frozen *f)
{
    for (int i = 0; i < f->values; i++)
        f->value[i].last = f->value[i].first;
    for (int s = 0; s < f->steps; s++)
        for (int i = 0; i < f->step[s].inputs; i++)
            if (f->step[s].in[i] >= 0)
                plan_read_at(f, f->step[s].in[i], s);
    for (int i = 0; i < f->outputs; i++)
        plan_read_at(f, f->output[i], f->steps);
}

/* Outputs are never due. */
static void plan_place_value(struct rt_frozen *f, struct plan *p, int value, int step)
{
    struct rt_frozen_value *v = &f->value[value];
    if (!v->made || v->known || v->same != value)
        return;
    v->offset = plan_place(p, rt_tensor_bytes(&v->t));
    int last = v->last > step ? v->last : step;
    if (last < p->steps) {
        p->next[value] = p->due[last];
        p->due[last] = value;
    }
}

/* ---- the plan ----
 * A step's scratch memory is placed like a value that lives for that step alone. */

static void plan_place_step(struct rt_frozen *f, struct plan *p, int s)
{
    struct rt_frozen_step *step = &f->step[s];
    for (int i = 0; i < step->outputs; i++)
        if (step->out[i] >= 0)
            plan_place_value(f, p, step->out[i], s);
    step->scratch = plan_place(p, step->scratch_bytes);
    plan_remove(p, step->scratch);
    for (int value = p->due[s]; value >= 0; value = p->next[value])
        plan_remove(p, f->value[value].offset);
}

int rt_frozen_plan(struct rt_frozen *f)
{
    struct plan p;
    int rc = plan_init(&p, f);
    if (rc == 0) {
        plan_find_lives(f);
        for (int i = 0; i < f->model->inputs; i++)
            plan_place_value(f, &p, f->scope.input + i, 0);
        for (int s = 0; s < f->steps; s++)
            plan_place_step(f, &p, s);
        for (int i = 0; i < f->values; i++)
            f->value[i].offset = f->value[f->value[i].same].offset;
        f->bytes = p.top;
    }
    plan_fini(&p);
    return rc;
}
