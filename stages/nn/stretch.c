/* SPDX-License-Identifier: MIT
 * stretch: see stretch.h. */
#include "stages/nn/stretch.h"

#include "stages/nn/exec.h"
#include "stages/nn/window.h"

#include <stdlib.h>

struct rt_stretch {
    struct rt_graph *g;     /* the network */
    struct rt_graph *view;  /* it again, for inputs of `length` */
    struct rt_exec *exec;   /* of the view */
    const struct rt_prepared *prepared; /* or NULL */
    struct rt_parallel *parallel;
    int length;
};

/* ---- the same network for another length ----
 * Its nodes are added anew behind an input of that length, and the ops find all shapes, as they did when the network
 * was made: what would not fit refuses itself. Nothing has to know which ops pool. Two things would pass and be wrong:
 * a row whose size follows the length (a flatten that nothing reads), and places of time that are named by number. The
 * alternative, masks inside every op, would be in the way of training. */

static int stretch_check_node(const struct rt_graph *from, const struct rt_graph *to, int i, struct rt_error *e)
{
    const struct rt_node *a = rt_graph_at(from, i), *b = rt_graph_at(to, i);
    if (a->shape.rank == 1 && a->shape.dim[0] != b->shape.dim[0])
        return rt_error_set(e, RT_EMISMATCH, "node \"%s\" (%s) gives a row as long as the input, so the network is "
                            "made for one length", a->name, rt_op_get(a->op)->name);
    if (a->op == RT_OP_slice && rt_graph_at(from, a->input[0])->shape.dim[a->attr.axis] !=
                                    rt_graph_at(to, b->input[0])->shape.dim[a->attr.axis])
        return rt_error_set(e, RT_EMISMATCH, "node \"%s\" (%s) takes places of time by number, so the network is made "
                            "for one length", a->name, rt_op_get(a->op)->name);
    return 0;
}

static int stretch_add_node(struct rt_graph *to, const struct rt_node *n, int length, struct rt_error *e)
{
    struct rt_shape shape = n->shape;
    shape.dim[0] = length;
    if (n->op == RT_OP_bag || (n->op == RT_OP_input && n->shape.rank < 2))
        return rt_error_set(e, RT_EMISMATCH, "its input has no time");
    int rc = n->op == RT_OP_input ? rt_graph_input(to, n->name, shape)
                                  : rt_graph_node(to, n->op, n->name, n->input, n->inputs, &n->attr, e);
    if (rc < 0 && e && !e->code)
        rt_error_set(e, rc, "node \"%s\": %s", n->name, rt_err_words(rc));
    return rc < 0 ? rc : 0;
}

static int stretch_view(struct rt_graph **out, const struct rt_graph *g, int length, struct rt_error *e)
{
    struct rt_graph *to;
    int rc = rt_graph_create_view(&to, g);
    *out = NULL;
    if (rc < 0)
        return rt_error_set(e, rc, "out of memory for the network");
    for (int i = 0; rc == 0 && i < rt_graph_nodes(g); i++) {
        rc = stretch_add_node(to, rt_graph_at(g, i), length, e);
        if (rc == 0)
            rc = stretch_check_node(g, to, i, e);
    }
    if (rc < 0)
        rt_graph_destroy(to);
    else
        *out = to;
    return rc;
}

/* ---- which lengths ----
 * Longer than its own by one, and by much: whatever follows the length shows there. The least is found by halving: what
 * a window needs, a longer input has, too. */

static int stretch_try(const struct rt_graph *g, int length, struct rt_error *e)
{
    struct rt_graph *view;
    RT_TRY(stretch_view(&view, g, length, e));
    rt_graph_destroy(view);
    return 0;
}

int rt_stretch_check(const struct rt_graph *g, int *least, struct rt_error *e)
{
    int own = rt_graph_at(g, 0)->shape.dim[0], short_of = 0, enough = own;
    struct rt_error ignored = {0};
    RT_TRY(stretch_try(g, own + 1, e));
    RT_TRY(stretch_try(g, 3 * own + 7, e));
    while (least && enough - short_of > 1) {
        int middle = short_of + (enough - short_of) / 2;
        if (stretch_try(g, middle, &ignored) == 0)
            enough = middle;
        else
            short_of = middle;
    }
    if (least)
        *least = enough;
    return 0;
}

/* ---- running ---- */

int rt_stretch_create(struct rt_stretch **out, struct rt_graph *g, const struct rt_prepared *prepared,
                      struct rt_parallel *parallel)
{
    struct rt_stretch *s = *out = calloc(1, sizeof *s);
    if (!s)
        return RT_EMEM;
    s->g = g;
    s->prepared = prepared;
    s->parallel = parallel;
    return 0;
}

static void stretch_clear(struct rt_stretch *s)
{
    rt_exec_destroy(s->exec);
    rt_graph_destroy(s->view);
    s->exec = NULL;
    s->view = NULL;
    s->length = 0;
}

void rt_stretch_destroy(struct rt_stretch *s)
{
    if (s)
        stretch_clear(s);
    free(s);
}

static int stretch_to(struct rt_stretch *s, int length, struct rt_error *e)
{
    stretch_clear(s);
    RT_TRY(stretch_view(&s->view, s->g, length, e));
    int rc = s->prepared ? rt_exec_create_prepared(&s->exec, s->view, s->prepared, 1, s->parallel)
                         : rt_exec_create(&s->exec, s->view, 1, false, s->parallel);
    if (rc < 0)
        return rt_error_set(e, rc, "the network for %d frames: %s", length, rt_err_words(rc));
    s->length = length;
    return 0;
}

int rt_stretch_forward(struct rt_stretch *s, int length, const float *input, struct rt_error *e)
{
    if (s->length != length)
        RT_TRY(stretch_to(s, length, e));
    rt_exec_forward(s->exec, 1, input, NULL, false, 0, 0);
    return 0;
}

const float *rt_stretch_output(const struct rt_stretch *s, int node)
{
    return rt_exec_output(s->exec, node);
}
