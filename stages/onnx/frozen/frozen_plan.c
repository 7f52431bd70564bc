/* SPDX-License-Identifier: MIT
 * frozen_plan: places values in one piece of memory: steps are gone through in order, each value takes
 * the lowest gap between those that live then, and leaves it after its last reader. */
#include "stages/onnx/frozen/frozen_parts.h"

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64

/* ---- gaps in one piece of memory ----
 * First fit in the order of the steps. Placing the largest first, as stages/nn/exec.c does, packs
 * better where values live long, as for a backward pass; here nearly all are read by the next steps
 * and go. */

struct block {
    size_t from, to;
    int until; /* step after which it is free */
};

struct plan {
    struct block *block; /* by place */
    int count;
    size_t top;
};

/* Blocks are kept in the order of their addresses, so the first gap that is large enough is the
 * lowest. */
static size_t plan_place(struct plan *p, size_t bytes, int until)
{
    size_t size = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, at = 0;
    int i = 0;
    size = size ? size : ALIGNMENT;
    for (; i < p->count && p->block[i].from - at < size; i++)
        at = p->block[i].to;
    memmove(p->block + i + 1, p->block + i, (size_t)(p->count - i) * sizeof *p->block);
    p->block[i] = (struct block){at, at + size, until};
    p->count++;
    p->top = at + size > p->top ? at + size : p->top;
    return at;
}

/* After a step, what nobody reads later. */
static void plan_release(struct plan *p, int step)
{
    int kept = 0;
    for (int i = 0; i < p->count; i++)
        if (p->block[i].until > step)
            p->block[kept++] = p->block[i];
    p->count = kept;
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

static void plan_place_value(struct rt_frozen *f, struct plan *p, int value)
{
    struct rt_frozen_value *v = &f->value[value];
    if (v->made && !v->known && v->same == value)
        v->offset = plan_place(p, rt_tensor_bytes(&v->t), v->last);
}

/* ---- the plan ----
 * A step's scratch memory is placed like a value that lives for that step alone. */

int rt_frozen_plan(struct rt_frozen *f)
{
    struct plan p = {.block = malloc(((size_t)f->values + 2) * sizeof *p.block)};
    if (!p.block)
        return RT_EMEM;
    plan_find_lives(f);
    for (int i = 0; i < f->model->inputs; i++)
        plan_place_value(f, &p, f->scope.input + i);
    for (int s = 0; s < f->steps; s++) {
        struct rt_frozen_step *step = &f->step[s];
        for (int i = 0; i < step->outputs; i++)
            if (step->out[i] >= 0)
                plan_place_value(f, &p, step->out[i]);
        step->scratch = plan_place(&p, step->scratch_bytes, s);
        plan_release(&p, s);
    }
    for (int i = 0; i < f->values; i++)
        f->value[i].offset = f->value[f->value[i].same].offset;
    f->bytes = p.top;
    free(p.block);
    return 0;
}
