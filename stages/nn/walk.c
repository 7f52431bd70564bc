/* SPDX-License-Identifier: MIT
 * walk: see walk.h. */
#include "stages/nn/walk.h"

#include <string.h>

/* ---- operands ----
 * Broadcasting is a step of 0, a transpose another order of steps, a slice a larger step, a
 * reduction an output whose step is 0: all of them are one loop with other numbers, so there is one
 * loop. */

void rt_walk_init(struct rt_walk *w, int operands, int rank, const int64_t *dim)
{
    memset(w, 0, sizeof *w);
    w->operands = operands;
    w->rank = rank;
    for (int i = 0; i < rank; i++)
        w->dim[i] = dim[i];
}

/* Dimensions of 1 get step 0, whatever the common shape has there: that is all that broadcasting
 * is. */
void rt_walk_dense(struct rt_walk *w, int k, int rank, const int64_t *dim)
{
    int64_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        w->step[k][i + w->rank - rank] = dim[i] == 1 ? 0 : step;
        step *= dim[i];
    }
}

/* ---- fewer and longer rows ----
 * Dimensions that are one run of memory for all operands are joined before the walk, so that a
 * dense case is a single call with a long row, and the compiler's inner loop is where the time
 * goes. Without it each row of a [1000, 4] array would be a call. */

/* Can dimension i be counted on as a continuation of the one kept last? */
static int walk_continues(const struct rt_walk *w, int kept, const struct rt_walk *from, int i)
{
    for (int k = 0; k < w->operands; k++)
        if (w->step[k][kept] != from->step[k][i] * from->dim[i])
            return 0;
    return 1;
}

/* Ones go, and what continues is joined; an array of one number keeps one dimension. */
static struct rt_walk walk_flatten(const struct rt_walk *from)
{
    struct rt_walk w = {.operands = from->operands};
    for (int i = 0; i < from->rank; i++) {
        if (from->dim[i] == 1)
            continue;
        if (w.rank > 0 && walk_continues(&w, w.rank - 1, from, i))
            w.dim[w.rank - 1] *= from->dim[i];
        else
            w.dim[w.rank++] = from->dim[i];
        for (int k = 0; k < w.operands; k++)
            w.step[k][w.rank - 1] = from->step[k][i];
    }
    if (w.rank == 0)
        w.dim[w.rank++] = 1;
    return w;
}

/* ---- the walk ----
 * An odometer over all dimensions but the last. Offsets are kept for each operand and moved by one
 * step at a time; none is computed from an index by division. */

void rt_walk_run(const struct rt_walk *from, rt_walk_row *row, void *self)
{
    int64_t at[RT_WALK_OPERANDS] = {0}, step[RT_WALK_OPERANDS] = {0}, index[RT_WALK_RANK] = {0};
    struct rt_walk w = walk_flatten(from);
    int last = w.rank - 1;
    for (int i = 0; i < w.rank; i++)
        if (w.dim[i] == 0)
            return;
    for (int k = 0; k < w.operands; k++)
        step[k] = w.step[k][last];
    for (;;) {
        row(self, w.dim[last], at, step);
        int i = last - 1;
        for (; i >= 0; i--) {
            for (int k = 0; k < w.operands; k++)
                at[k] += w.step[k][i];
            if (++index[i] < w.dim[i])
                break;
            for (int k = 0; k < w.operands; k++)
                at[k] -= w.dim[i] * w.step[k][i];
            index[i] = 0;
        }
        if (i < 0)
            return;
    }
}
