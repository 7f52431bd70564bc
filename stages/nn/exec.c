/* SPDX-License-Identifier: MIT
 * exec: see exec.h. Plans all memory at creation, then walks the nodes forward and back. Nodes that
 * share memory (a view, a relu done by the op before it, an op that an add does) form one group,
 * named by the one that runs; the arithmetic is the ops' (op_*.c). */
#include "stages/nn/exec.h"

#include "stages/nn/blas.h"
#include "stages/nn/pages.h"
#include "stages/nn/prepared.h"
#include "stages/nn/window.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SCRATCH_APART ((size_t)1 << 20) /* closer, threads slow each other: docs/performance-notes.md */
#define SHARED_NETWORK 1e7 /* products of a network that threads share, at least: 0.2 ms */
#define SHARED_NODE 2e5    /* and of one of its nodes */
#define ZEROS (64 * 1024) /* floats of a gradient that one piece clears */

/* ---- nodes and memory ----
 * A training step touches the same buffers in the same order each time, so they are planned once,
 * at creation: no allocation in a step, and page faults only in the first one, which on a virtual
 * machine are dear. Buffers that are never needed at the same moment share addresses; that took a
 * fifth off the memory of large networks. */

struct slot {
    int group;       /* the node that runs of those that share this memory */
    int runs;        /* whose op runs: its own, or that of the node an add does with it */
    bool skip;       /* nothing to run: input, view, done by the op before or with an add */
    bool relu;       /* does the relu behind it */
    bool output;     /* of a group: stays valid after forward, and callers may add gradients */
    bool needs_grad; /* of a group: a parameter at or before it is trained */
    bool kept;       /* of a group: its values are there until the next forward */
    bool live;       /* of a group: its gradient holds values of this step */
    int lender;      /* of a group: the group whose dy it takes over, or -1 */
    bool shared;     /* its loops are worth sharing among threads */
    float *y, *dy;   /* of a group */
    void *saved;
};

struct rt_exec {
    struct rt_graph *g;
    struct rt_parallel *parallel;
    int nodes, input_node, batch_max;
    bool training;
    const struct rt_prepared *prepared; /* or NULL */
    struct slot *slot; /* [nodes] */
    struct rt_part *part; /* [parts] the gradients */
    int parts;
    char *memory;
    size_t bytes;
    struct rt_scratch scratch;

    /* Of the current step. */
    int batch;
    bool trained;
    struct rt_bags bags;
    bool has_bags;
    uint64_t seed, step;

    struct rt_exec_time *time; /* or NULL */
};

/* A piece of memory that must hold from one moment to another; moments: forward of node i is i,
 * backward of it 2 * nodes - i. Pieces that are never needed at once may share addresses. */
struct piece {
    size_t bytes, offset;
    int first, last;
    void **where;
};

/* ---- placing buffers in one piece of memory ----
 * Largest first, each at the lowest address where it overlaps nothing that lives at the same time:
 * not the best possible (that problem is hard), but simple and good, as the large buffers decide.
 * The order is fixed, also between equal sizes, so that addresses, and with them cache effects, are
 * the same in every run. */

static void exec_input_shapes(const struct rt_graph *g, const struct rt_node *n,
                              struct rt_shape *in)
{
    for (int k = 0; k < n->inputs; k++)
        in[k] = rt_graph_at(g, n->input[k])->shape;
}

static int piece_by_size(const void *a, const void *b)
{
    const struct piece *p = a, *q = b;
    if (p->bytes != q->bytes)
        return p->bytes < q->bytes ? 1 : -1;
    return p->where < q->where ? -1 : p->where > q->where; /* all distinct: a fixed order */
}

/* Largest first, each at the lowest address where nothing it lives with lies; returns all bytes. */
static size_t exec_place_pieces(struct piece *p, int pieces)
{
    size_t end = 0;
    qsort(p, (size_t)pieces, sizeof *p, piece_by_size);
    for (int i = 0; i < pieces; i++) {
        p[i].offset = 0;
        for (int k = 0; k < i; k++) {
            bool together = p[k].first <= p[i].last && p[i].first <= p[k].last;
            bool overlap =
                p[k].offset < p[i].offset + p[i].bytes && p[i].offset < p[k].offset + p[k].bytes;
            if (together && overlap) {
                p[i].offset = p[k].offset + p[k].bytes;
                k = -1; /* offsets only grow, so this ends */
            }
        }
        end = p[i].offset + p[i].bytes > end ? p[i].offset + p[i].bytes : end;
    }
    return end;
}

/* ---- what is done together ----
 * Passes over memory cost more than arithmetic in batch-norm, add and relu, so those that follow
 * each other become one pass: the op before does the relu (fuses_relu), a block's second batch-norm
 * does the add and its relu (fuses_add). This is decided from the graph alone; an op that fuses
 * gets flags in its run, and nodes that have nothing left to do are skipped. Groups, what to skip,
 * where gradients flow: all are found in one walk, as a node's inputs come before it. */

/* How many nodes read each: what has one reader may be done together with it. */
static int *exec_count_readers(const struct rt_graph *g, int nodes)
{
    int *readers = calloc((size_t)nodes, sizeof *readers);
    for (int i = 0; readers && i < nodes; i++) {
        const struct rt_node *n = rt_graph_at(g, i);
        for (int k = 0; k < n->inputs; k++)
            readers[n->input[k]]++;
    }
    return readers;
}

static bool exec_fuses_relu(const struct rt_exec *x, int node)
{
    const struct rt_op *op = rt_op_get(rt_graph_at(x->g, node)->op);
    return op->fuses_relu || (x->prepared && op->forward_fuses);
}

static bool exec_fuses_add(const struct rt_exec *x, int node)
{
    const struct rt_op *op = rt_op_get(rt_graph_at(x->g, node)->op);
    return op->fuses_add || (x->prepared && op->forward_fuses);
}

/* One walk in the order of the nodes; a node's group is known before its readers are looked at. */
static void exec_link_nodes(struct rt_exec *x, const int *readers)
{
    for (int i = 0; i < x->nodes; i++) {
        const struct rt_node *n = rt_graph_at(x->g, i);
        struct slot *s = &x->slot[i];
        const struct rt_op *op = rt_op_get(n->op);
        bool source = n->inputs == 0;
        int before = source ? i : n->input[0];
        bool fused = n->op == RT_OP_relu && readers[before] == 1 && exec_fuses_relu(x, before);
        s->skip = source || op->view || fused;
        s->group = op->view || fused ? x->slot[before].group : i;
        s->runs = i;
        s->lender = -1;
        if (fused)
            x->slot[x->slot[before].group].relu = true;
        if (n->op == RT_OP_add && readers[before] == 1 && x->slot[before].group == before &&
            exec_fuses_add(x, before)) {
            s->runs = before;
            s->needs_grad = x->slot[before].needs_grad;
            x->slot[before].skip = true;
            x->slot[before].group = i;
        }
        struct slot *group = &x->slot[s->group];
        group->output |= readers[i] == 0 || n->shape.rank == 1;
        for (int k = 0; k < n->inputs; k++)
            group->needs_grad |= x->slot[x->slot[n->input[k]].group].needs_grad;
        for (int k = 0; k < n->params; k++)
            group->needs_grad |= rt_graph_param(x->g, n->param[k])->trainable;
    }
}

/* ---- lifetimes ----
 * Time is counted in moments, forward of node i is i, backward of it 2 * nodes - i. A value lives
 * until its last reader, or until the end of backward where some backward looks at it or a caller
 * may ask for it; a gradient lives from its last reader's backward to its own node's. In an exec
 * without training everything ends at the last reader. */

static const struct rt_op *exec_op_at(const struct rt_exec *x, int i)
{
    return rt_op_get(rt_graph_at(x->g, x->slot[i].runs)->op);
}

/* An op's gradient can become that of its input in place, where nobody else adds to the latter.
 * Chains of such ops then use one buffer for all their gradients. */
static void exec_share_gradients(struct rt_exec *x, const int *readers)
{
    for (int i = x->nodes - 1; i >= 0; i--) {
        struct slot *s = &x->slot[i];
        const struct rt_node *n = rt_graph_at(x->g, s->runs);
        if (s->skip || s->output || !s->needs_grad || !exec_op_at(x, i)->dx_in_dy)
            continue;
        int in = n->input[0];
        struct slot *group = &x->slot[in];
        if (group->group == in && !group->skip && readers[in] == 1 && !group->output &&
            group->needs_grad)
            group->lender = s->lender >= 0 ? s->lender : i;
    }
}

/* When the memory of group i's values and gradient is needed. */
static void exec_group_lifetime(const struct rt_exec *x, int i, struct piece *y, struct piece *dy)
{
    int last_reader = i;
    bool looked_at = !exec_op_at(x, i)->unsaved_y || x->slot[i].relu; /* by a backward */
    for (int c = i + 1; c < x->nodes; c++) {
        const struct rt_node *n = rt_graph_at(x->g, c);
        int runner = x->slot[c].group; /* an op that an add does reads when the add runs */
        for (int k = 0; k < n->inputs; k++) {
            if (x->slot[n->input[k]].group == i && runner != i) {
                last_reader = runner > last_reader ? runner : last_reader;
                looked_at |= !rt_op_get(n->op)->unsaved_x;
            }
        }
    }
    bool output = x->slot[i].output, whole = output || (x->training && looked_at);
    *y = (struct piece){.first = i, .last = whole ? 2 * x->nodes : last_reader};
    *dy =
        (struct piece){.first = output ? 0 : 2 * x->nodes - last_reader, .last = 2 * x->nodes - i};
}

/* ---- the list of buffers ----
 * Values, gradients, what ops save for backward, and scratch memory at the end: one shared part and
 * one of each thread, as large as the largest op wants. */

/* Lists every buffer. Returns how many; at most 3 per node and two for scratch. */
static int exec_list_pieces(struct rt_exec *x, struct piece *p)
{
    int pieces = 0, threads = rt_parallel_threads(x->parallel);
    struct rt_scratch_size size = {0};
    for (int i = 0; i < x->nodes; i++) {
        struct slot *s = &x->slot[i];
        const struct rt_node *n = rt_graph_at(x->g, s->runs);
        const struct rt_op *op = rt_op_get(n->op);
        if (s->skip)
            continue;
        struct rt_shape in[RT_NODE_INPUTS] = {0};
        exec_input_shapes(x->g, n, in);
        size_t bytes =
            rt_aligned((size_t)x->batch_max * (size_t)rt_shape_count(&n->shape) * sizeof(float));
        struct piece y, dy;
        exec_group_lifetime(x, i, &y, &dy);
        s->kept = y.last == 2 * x->nodes;
        y.bytes = dy.bytes = bytes;
        y.where = (void **)&s->y;
        dy.where = (void **)&s->dy;
        p[pieces++] = y;
        for (int k = 0; k < i; k++) {
            struct piece other_y, other_dy;
            if (!x->slot[k].skip && x->slot[k].lender == i) {
                exec_group_lifetime(x, k, &other_y, &other_dy);
                dy.last = other_dy.last > dy.last ? other_dy.last : dy.last;
            }
        }
        if (x->training && s->needs_grad && s->lender < 0)
            p[pieces++] = dy;
        size_t saved = op->saved_bytes && x->training ? op->saved_bytes(n, in, x->batch_max) : 0;
        if (saved)
            p[pieces++] = (struct piece){
                .bytes = rt_aligned(saved), .first = 0, .last = 2 * x->nodes, .where = &s->saved};
        bool laid_out = rt_prepared_of(x->prepared, s->runs);
        struct rt_scratch_size (*scratch)(const struct rt_node *, const struct rt_shape *, int) =
            laid_out ? op->prepared_scratch : op->scratch;
        size = scratch ? rt_scratch_size_max(size, scratch(n, in, x->batch_max)) : size;
    }
    x->scratch.stride = rt_aligned(size.thread) + SCRATCH_APART;
    p[pieces++] = (struct piece){.bytes = rt_aligned(size.shared),
                                 .first = 0,
                                 .last = 2 * x->nodes,
                                 .where = &x->scratch.shared};
    p[pieces++] = (struct piece){.bytes = (size_t)threads * x->scratch.stride - SCRATCH_APART,
                                 .first = 0,
                                 .last = 2 * x->nodes,
                                 .where = (void **)&x->scratch.threads};
    return pieces;
}

/* Fills x->slot and allocates: one piece of memory for everything. */
static int exec_plan(struct rt_exec *x)
{
    struct piece *p = calloc(3 * (size_t)x->nodes + 2, sizeof *p);
    int *readers = exec_count_readers(x->g, x->nodes);
    int err = RT_EMEM;
    if (p && readers) {
        exec_link_nodes(x, readers);
        exec_share_gradients(x, readers);
        int pieces = exec_list_pieces(x, p);
        x->bytes = exec_place_pieces(p, pieces);
        x->memory = rt_pages_take(x->bytes);
        for (int i = 0; x->memory && i < pieces; i++)
            *p[i].where = x->memory + p[i].offset;
        for (int i = 0; x->memory && i < x->nodes; i++)
            if (x->slot[i].lender >= 0)
                x->slot[i].dy = x->slot[x->slot[i].lender].dy;
        err = x->memory ? 0 : RT_EMEM;
    }
    free(readers);
    free(p);
    return err;
}

/* ---- what threads are woken for ----
 * A loop that threads look for costs them a microsecond, one that they sleep through ten times that. Training has
 * enough to do in each; one sample through a small network has not: then no thread is woken at all, and in a large one
 * not for its small layers. What a node costs is estimated by its products, or the numbers it gives. */

static double exec_work(const struct rt_exec *x, const struct rt_node *n)
{
    double numbers = (double)rt_shape_count(&n->shape) * x->batch_max;
    bool weighs = n->op == RT_OP_conv1d || n->op == RT_OP_conv2d || n->op == RT_OP_linear;
    return weighs ? numbers * (double)rt_graph_param(x->g, n->param[0])->count / n->attr.units : 4 * numbers;
}

static void exec_share_work(struct rt_exec *x)
{
    double all = 0;
    for (int i = 0; i < x->nodes; i++)
        all += exec_work(x, rt_graph_at(x->g, i));
    for (int i = 0; i < x->nodes; i++)
        x->slot[i].shared = !x->prepared || (all >= SHARED_NETWORK &&
                                             exec_work(x, rt_graph_at(x->g, x->slot[i].runs)) >= SHARED_NODE);
}

/* ---- life ----
 * The graph stays the caller's: weights live there, and the optimiser and whoever saves them need
 * not know that an exec exists. */

static int exec_create(struct rt_exec **out, struct rt_graph *g, int batch, bool training,
                       struct rt_parallel *parallel, const struct rt_prepared *prepared)
{
    *out = NULL;
    if (batch < 1)
        return RT_ERANGE;
    rt_blas_init();
    struct rt_exec *x = calloc(1, sizeof *x);
    if (!x)
        return RT_EMEM;
    x->g = g;
    x->parallel = parallel;
    x->nodes = rt_graph_nodes(g);
    x->batch_max = batch;
    x->training = training;
    x->prepared = prepared;
    int inputs = 0, err = RT_EMEM;
    for (int i = 0; i < x->nodes; i++) {
        if (rt_graph_at(g, i)->inputs == 0) {
            x->input_node = i;
            inputs++;
        }
    }
    if (inputs != 1) {
        err = RT_EUSAGE;
        goto fail;
    }
    x->slot = calloc((size_t)x->nodes, sizeof *x->slot);
    x->parts = rt_graph_parts(&x->part, g, ZEROS);
    if (!x->slot || x->parts < 0 || (err = exec_plan(x)))
        goto fail;
    exec_share_work(x);
    *out = x;
    return 0;

fail:
    rt_exec_destroy(x);
    return err;
}

int rt_exec_create(struct rt_exec **out, struct rt_graph *g, int batch, bool training,
                   struct rt_parallel *parallel)
{
    return exec_create(out, g, batch, training, parallel, NULL);
}

int rt_exec_create_prepared(struct rt_exec **out, struct rt_graph *g, const struct rt_prepared *prepared, int batch,
                            struct rt_parallel *parallel)
{
    return exec_create(out, g, batch, false, parallel, prepared);
}

void rt_exec_destroy(struct rt_exec *x)
{
    if (x) {
        rt_pages_give(x->memory, x->bytes);
        free(x->part);
        free(x->slot);
        free(x);
    }
}

size_t rt_exec_bytes(const struct rt_exec *x)
{
    return x->bytes;
}

void rt_exec_profile(struct rt_exec *x, struct rt_exec_time *time)
{
    x->time = time;
}

/* ---- a step ----
 * Each op gets a struct rt_op_run, made on the stack for each call: filling it costs nothing beside
 * an op, and no op can keep anything from one call to the next except in what it declared as saved.
 */

static double exec_now_ms(const struct rt_exec *x)
{
    struct timespec now = {0};
    if (x->time)
        clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static struct slot *exec_group_of(const struct rt_exec *x, int node)
{
    return &x->slot[x->slot[node].group];
}

/* shape: where the inputs' shapes go, which the run points into. */
static void exec_describe_run(struct rt_exec *x, int i, struct rt_op_run *r, struct rt_shape *shape)
{
    struct slot *s = &x->slot[i];
    const struct rt_node *n = rt_graph_at(x->g, s->runs);
    *r = (struct rt_op_run){.node = n,
                            .batch = x->batch,
                            .training = x->trained,
                            .bags = x->has_bags ? &x->bags : NULL,
                            .y = s->y,
                            .dy = s->dy,
                            .relu = s->relu,
                            .saved = s->saved,
                            .prepared = rt_prepared_of(x->prepared, s->runs),
                            .scratch = x->scratch,
                            .seed = x->seed,
                            .step = x->step,
                            .parallel = s->shared ? x->parallel : NULL};
    exec_input_shapes(x->g, n, shape);
    for (int k = 0; k < n->inputs; k++) {
        r->in_shape[k] = &shape[k];
        r->x[k] = exec_group_of(x, n->input[k])->y;
    }
    for (int k = 0; k < n->params; k++)
        r->param[k] = rt_graph_param(x->g, n->param[k]);
    if (s->runs != i)
        r->other = exec_group_of(x, rt_graph_at(x->g, i)->input[1])->y;
}

/* Everything about the step is put where ops will find it, then each op runs to its end: there is
 * no overlap between ops, so a thread never waits for more than one loop. */
void rt_exec_forward(struct rt_exec *x, int batch, const float *input, const struct rt_bags *bags,
                     bool training, uint64_t seed, uint64_t step)
{
    assert(batch >= 1 && batch <= x->batch_max && (x->training || !training));
    x->batch = batch;
    x->trained = training;
    x->has_bags = bags != NULL;
    if (bags)
        x->bags = *bags; /* the arrays stay the caller's */
    x->seed = seed;
    x->step = step;
    /* Ops read it through a const pointer; it never has a gradient. */
    memcpy(&x->slot[x->input_node].y, &input, sizeof input);
    for (int i = 0; i < x->nodes; i++)
        x->slot[i].live = false;
    for (int i = 0; i < x->nodes; i++) {
        if (!x->slot[i].skip) {
            struct rt_op_run r;
            struct rt_shape shape[RT_NODE_INPUTS];
            exec_describe_run(x, i, &r, shape);
            double start = exec_now_ms(x);
            rt_op_get(r.node->op)->forward(&r);
            if (x->time)
                x->time[i].forward += exec_now_ms(x) - start;
        }
    }
}

/* ---- what callers see ----
 * Outputs are handed out as pointers into the planned memory, never copied. A node whose memory
 * served another since gives NULL rather than wrong numbers. */

const float *rt_exec_output(const struct rt_exec *x, int node)
{
    assert(node >= 0 && node < x->nodes);
    const struct slot *s = exec_group_of(x, node);
    return s->kept || x->slot[node].group == x->input_node ? s->y : NULL;
}

/* The first call of a step clears the buffer, later ones give it as it is: several losses may add
 * to one output. */
float *rt_exec_grad(struct rt_exec *x, int node)
{
    assert(node >= 0 && node < x->nodes);
    struct slot *s = exec_group_of(x, node);
    if (!s->dy || !s->output)
        return NULL;
    if (!s->live) {
        int64_t count = rt_shape_count(&rt_graph_at(x->g, node)->shape);
        memset(s->dy, 0, (size_t)x->batch * (size_t)count * sizeof *s->dy);
        s->live = true;
    }
    return s->dy;
}

/* ---- backward ----
 * Gradients are not cleared: the first op that gives one overwrites, later ones add, so inner
 * buffers cost no extra pass. Only what a caller adds to (rt_exec_grad) and the parameters'
 * gradients start from zero. A node whose gradient nobody asked for is not run at all. */

/* Where a gradient goes, and whether there is one already. */
static void exec_claim_gradient(struct slot *in, float **dx, bool *add)
{
    *dx = in->dy;
    *add = in->live;
    in->live = in->dy != NULL;
}

/* A parameter's gradient is added to by every op that reads it, so these alone start from zero; all
 * threads clear, as it is the size of the weights. */
static void exec_zero_piece(void *self, int i, int thread)
{
    (void)thread;
    const struct rt_exec *x = self;
    const struct rt_part *s = &x->part[i];
    float *gradient = rt_graph_param(x->g, s->param)->grad + s->from;
    memset(gradient, 0, (size_t)s->count * sizeof *gradient);
}

void rt_exec_backward(struct rt_exec *x)
{
    assert(x->trained);
    rt_parallel_for(x->parallel, x->parts, exec_zero_piece, x);
    for (int i = x->nodes - 1; i >= 0; i--) {
        if (x->slot[i].skip || !x->slot[i].live)
            continue;
        struct rt_op_run r;
        struct rt_shape shape[RT_NODE_INPUTS];
        exec_describe_run(x, i, &r, shape);
        if (r.other)
            exec_claim_gradient(exec_group_of(x, rt_graph_at(x->g, i)->input[1]), &r.dother,
                                &r.add_other);
        for (int k = 0; k < r.node->inputs; k++)
            exec_claim_gradient(exec_group_of(x, r.node->input[k]), &r.dx[k], &r.add[k]);
        double start = exec_now_ms(x);
        rt_op_get(r.node->op)->backward(&r);
        if (x->time)
            x->time[i].backward += exec_now_ms(x) - start;
    }
}
