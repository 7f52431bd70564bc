/* SPDX-License-Identifier: MIT
 * conv_direct: convolution as a sum over kernel taps, each a product of shifted input lines with the
 * tap's weights; nothing is laid out as a matrix first. Only lines that need padding are copied, a
 * strip at a time, into a slab with zeros on both sides.
 * The way back is the same with the taps reversed: with a stride, places of one remainder see the
 * same taps, so each such `phase` of a line is a product of its own. Pieces and lanes follow from the
 * shapes alone. */
#include "stages/nn/conv_way.h"

#include <string.h>

#define SLAB_FLOATS 32768 /* aimed at: fits half a 256 KiB cache */
#define LINE_PLACES 256   /* longer lines are cut into segments of */
#define SEGMENT 168
#define LANE_PLACES 192 /* fewer, and adding up the lanes' weight gradients would cost too much */
#define DEEP 192        /* places that one product of weight gradients sums over */
#define WIDE_FLOATS (128 * 1024) /* of weights whose gradients go by blocks of units */
#define BLOCK_UNITS 192 /* at most: fewer read the inputs more often, and they come from the last cache */
#define SUM_FLOATS 4096 /* weights added up by one piece */
#define PIECES 4 /* of a pass, for each thread, at least */

/* Towards minus infinity; C's division of a negative place would round it into the picture. */
static int direct_floor_div(int a, int b)
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/* ---- the plan of a pass ----
 * Everything below follows from the shapes. Source is what the pass reads (x forward, dy on the way
 * back), destination what it writes. A line is a row of places in a picture, or a whole sequence; a
 * slab is a small buffer where a few source lines lie with their zeros beside them. Padding the
 * whole input instead would cost a copy of every layer, and cutting the products at the borders
 * would make them short; most layers have padding, so the copy has to be cheap, and a slab stays in
 * the thread's own cache between the copy and the products that read it. */

struct direct {
    struct rt_pass p;
    int batch;
    int step_to, step_from;   /* places from one to the next of a phase, there and here */
    int first_at, last_at;    /* source places that the first place's taps see, in all phases */
    int segment, lines;       /* destination places, lines of one piece, at most */
    int segments, strips;     /* pieces of a line; of all lines, nearly equal, an even number */
    int groups;               /* of panels: of a piece's columns, where there are few pieces */
    int slab_places, slots;   /* places of a slab's line; lines */
    const float *panels;      /* [panel][tap][depth][panel's columns] */
    struct rt_scratch scratch;
};

/* What one thread works with. */
struct direct_scratch {
    float *slab;
    int64_t *line;      /* [lines, kh]: where the source line of a tap begins, or -1 */
    int64_t *from, *at; /* [taps] of one product */
};

/* ---- which source places a destination place sees ----
 * The way back is a convolution itself: dx is a sum over taps of dy. With a stride of s a place of
 * dx is seen by every s-th tap only; places that see the same taps form a phase, and each phase of
 * a line is one product. Spreading dy apart with zeros would do as well, and multiply s * s times
 * as much, mostly zeros. */

/* Source line that destination line y sees through kernel line ky, or -1. */
static int direct_source_line(const struct direct *d, int y, int ky)
{
    const struct rt_window *w = &d->p.v->w;
    int at = d->p.back ? y + w->ph - ky * w->dh : y * w->sh - w->ph + ky * w->dh;
    if (d->p.back)
        at = at < 0 || at % w->sh ? -1 : at / w->sh;
    return at < d->p.h ? at : -1;
}

/* The source place that the first place of a phase sees through kernel column kx. */
static bool direct_source_place(const struct direct *d, int phase, int kx, int *at)
{
    const struct rt_window *w = &d->p.v->w;
    *at = d->p.back ? phase + w->pw - kx * w->dw : kx * w->dw - w->pw;
    if (!d->p.back)
        return true;
    bool seen = (*at % w->sw + w->sw) % w->sw == 0;
    *at = direct_floor_div(*at, w->sw);
    return seen;
}

/* Whether the taps of a kernel line see neighbouring places, so that one long sum goes over them all. On the
 * way back they are reversed for that. */
static bool direct_joins_taps(const struct rt_pass *p)
{
    return p->v->w.dw == 1 && (!p->back || p->v->w.sw == 1);
}

/* ---- how the work is cut ----
 * A strip is as many lines as fill a slab, but never more than a sixteenth of all, so that there
 * are pieces for many threads; their number is even, for two. Long lines are cut into segments,
 * else a slab holds less than one line. A convolution of 1x1 has no neighbours: its whole batch is
 * one long line. */

/* whole: lines are kept as they are, for weight gradients. */
static struct direct direct_of(const struct rt_pass *p, bool whole)
{
    struct direct d = {.p = *p, .batch = p->v->batch};
    const struct rt_window *w = &p->v->w;
    d.step_to = p->back ? w->sw : 1;
    d.step_from = p->back ? 1 : w->sw;
    if (!whole && w->kh * w->kw == 1 && w->sh * w->sw == 1) {
        /* All places are alike: one long line. */
        d.p.w = d.p.ow = p->w * p->h * d.batch;
        d.p.h = d.p.oh = d.batch = 1;
    }
    bool any = false;
    for (int phase = 0; phase < d.step_to; phase++)
        for (int kx = 0, at; kx < w->kw; kx++) {
            if (direct_source_place(&d, phase, kx, &at)) {
                d.first_at = any ? rt_min_int(d.first_at, at) : at;
                d.last_at = any ? rt_max_int(d.last_at, at) : at;
                any = true;
            }
        }
    bool short_enough = whole || d.p.ow <= LINE_PLACES;
    d.segment = short_enough ? d.p.ow : (SEGMENT + d.step_to - 1) / d.step_to * d.step_to;
    d.segments = rt_pieces(d.p.ow, d.segment);
    d.slab_places = (d.segment - 1) / d.step_to * d.step_from + d.last_at - d.first_at + 1;
    int down = p->back ? 1 : w->sh; /* source lines from one destination line to the next, at most */
    int64_t all = (int64_t)d.batch * d.p.oh, line = (int64_t)d.slab_places * d.p.depth * down;
    int64_t lines = SLAB_FLOATS / line < all / 16 ? SLAB_FLOATS / line : all / 16;
    d.lines = lines < 1 ? 1 : (int)lines;
    d.strips = rt_min_int((int)all, 2 * rt_pieces(all, 2 * d.lines));
    d.slots = d.lines * down + ((d.lines - 1) / d.p.oh + 2) * ((w->kh - 1) * w->dh + 1);
    return d;
}

/* ---- memory ----
 * Shared by all threads are the weights, laid out; a thread has a slab, and the lists of offsets of
 * one product. */

static size_t direct_panel_bytes(const struct rt_conv *v)
{
    return rt_aligned((size_t)v->w.kh * (size_t)v->w.kw * (size_t)v->w.c * (size_t)v->units *
                      sizeof(float));
}

/* Taps of one product at most: the kernel's, or, for weight gradients, lines. */
static size_t direct_taps_max(const struct direct *d)
{
    int kernel = d->p.v->w.kh * d->p.v->w.kw;
    return (size_t)rt_max_int(kernel, d->lines);
}

/* Lines of a slab lie close together, whole places; alignment does not matter, as products load
 * from anywhere. */
static size_t direct_slab_bytes(const struct direct *d)
{
    return rt_aligned((size_t)d->slots * (size_t)d->slab_places * (size_t)d->p.depth *
                      sizeof(float));
}

static size_t direct_scratch_bytes(const struct direct *d)
{
    size_t numbers = (size_t)d->lines * (size_t)d->p.v->w.kh + 2 * direct_taps_max(d);
    return direct_slab_bytes(d) + rt_aligned(numbers * sizeof(int64_t));
}

/* A thread's part by parts: the slab first, so that it begins aligned. */
static struct direct_scratch direct_scratch_of(const struct direct *d, void *memory)
{
    struct direct_scratch k = {.slab = memory,
                               .line = (int64_t *)((char *)memory + direct_slab_bytes(d))};
    k.from = k.line + d->lines * d->p.v->w.kh;
    k.at = k.from + direct_taps_max(d);
    return k;
}

/* ---- lines into the slab ----
 * A line is copied once and read by every kernel line and every panel of columns. Lines that need
 * no padding are read where they lie. */

/* Whether lines of `places` from source place `left` on reach beyond the source's. */
static bool direct_needs_padding(const struct direct *d, int left, int places)
{
    return left < 0 || left + places > d->p.w;
}

/* Fills k->line for destination lines [from, to) of the batch and returns what its entries are
 * offsets into: the source itself, or the slab, where a line begins at source place `left`. */
static const float *direct_lay_out_lines(const struct direct *d, const struct direct_scratch *k,
                                         int from, int to, int left, int places)
{
    const struct rt_window *w = &d->p.v->w;
    int64_t depth = d->p.depth, width = d->p.w * depth;
    bool copy = direct_needs_padding(d, left, places);
    int slot = 0, next = 0, base = 0, sample = -1; /* the slab's line of source line `next` is slot */
    int before = left < 0 ? -left : 0, after = rt_max_int(0, left + places - d->p.w);
    for (int l = from; l < to; l++) {
        bool fresh = l / d->p.oh != sample;
        sample = l / d->p.oh;
        int low = d->p.h, high = -1;
        for (int ky = 0; ky < w->kh; ky++) {
            int at = direct_source_line(d, l % d->p.oh, ky);
            low = at >= 0 ? rt_min_int(low, at) : low;
            high = rt_max_int(high, at);
        }
        const float *lines = d->p.from + (int64_t)sample * d->p.h * width;
        if (fresh && high >= 0) {
            next = low;
            base = slot - low;
        }
        for (; copy && next <= high; next++, slot++) {
            float *to_line = k->slab + (int64_t)slot * places * depth;
            const float *x = lines + next * width + (left < 0 ? 0 : left * depth);
            int64_t inside = (places - before - after) * depth;
            memset(to_line, 0, (size_t)(before * depth) * sizeof *to_line);
            memcpy(to_line + before * depth, x, (size_t)inside * sizeof *to_line);
            memset(to_line + before * depth + inside, 0, (size_t)(after * depth) * sizeof *to_line);
        }
        for (int ky = 0; ky < w->kh; ky++) {
            int at = direct_source_line(d, l % d->p.oh, ky);
            int64_t begin = copy ? (int64_t)(base + at) * places * depth
                                 : ((int64_t)sample * d->p.h + at) * width + left * depth;
            k->line[(l - from) * w->kh + ky] = at < 0 ? -1 : begin;
        }
        sample = high < 0 && fresh ? -1 : sample;
    }
    return copy ? k->slab : d->p.from;
}

/* ---- a pass ----
 * Panels of columns are the outer loop: a panel's weights are read for all lines of the strip,
 * whose lines stay in cache. The other order would read all weights for each line, and those of a
 * wide layer are larger than the caches. */

/* A linear layer of one sample. */
static bool direct_is_row(const struct direct *d)
{
    return d->p.v->w.kh * d->p.v->w.kw == 1 && !d->p.back && d->p.ow == 1 && d->p.oh * d->batch == 1;
}

/* Its whole panels from `first` on; which one is the next. */
static int direct_row(const struct direct *d, struct rt_product *m, int64_t from, int first, int last)
{
    const struct rt_isa *isa = d->p.v->isa;
    const int64_t zero = 0;
    int whole = rt_min_int(last, d->p.cols / isa->panel), cols = (whole - first) * isa->panel;
    if (whole <= first)
        return first;
    struct rt_product row = *m;
    row.a_at = &from;
    row.b_at = &zero;
    row.taps = 1;
    row.c = d->p.to + first * isa->panel;
    row.rows = 1;
    row.cols = cols;
    isa->product_row(&row);
    rt_pass_finish(&d->p, 0, 1, first * isa->panel, cols);
    m->b += (int64_t)d->p.depth * cols;
    return whole;
}

/* One strip of lines, one segment of each, all columns. */
static void direct_pass_piece(void *self, int i, int thread)
{
    const struct direct *d = self;
    const struct rt_conv *v = d->p.v;
    const struct rt_window *w = &v->w;
    struct direct_scratch k = direct_scratch_of(d, rt_scratch_of(&d->scratch, thread));
    int panels = rt_panels(v->isa, d->p.cols), first_panel = panels * (i % d->groups) / d->groups;
    int last_panel = panels * (i % d->groups + 1) / d->groups;
    i /= d->groups;
    int strip = i / d->segments, x = i % d->segments * d->segment;
    int end = rt_min_int(x + d->segment, d->p.ow);
    int64_t all = (int64_t)d->batch * d->p.oh;
    int from = (int)(all * strip / d->strips), to = (int)(all * (strip + 1) / d->strips);
    int first = x / d->step_to * d->step_from, left = first + d->first_at;
    int places = (end - 1 - x) / d->step_to * d->step_from + d->last_at - d->first_at + 1;
    int joined = direct_joins_taps(&d->p) ? w->kw : 1;
    struct rt_product m = {.row = (int64_t)d->step_from * d->p.depth, .step = 1,
                           .a_at = k.from, .b_at = k.at, .depth = joined * d->p.depth,
                           .ldc = (int64_t)d->step_to * d->p.cols, .add = d->p.add};
    m.a = direct_lay_out_lines(d, &k, from, to, left, places);
    m.b = d->panels + (int64_t)w->kh * w->kw * d->p.depth * first_panel * v->isa->panel;
    if (direct_is_row(d))
        first_panel = direct_row(d, &m, k.line[0], first_panel, last_panel);
    for (int panel = first_panel; panel < last_panel; panel++) {
        m.ldb = m.cols = rt_panel_cols(v->isa, d->p.cols, panel);
        for (int l = from; l < to; l++) {
            float *line = d->p.to + ((int64_t)l * d->p.ow + x) * d->p.cols + panel * v->isa->panel;
            for (int phase = 0; phase < d->step_to && x + phase < end; phase++) {
                m.taps = 0;
                for (int ky = 0; ky < w->kh; ky++) {
                    int64_t begin = k.line[(l - from) * w->kh + ky];
                    for (int kx = 0, at = d->first_at; begin >= 0 && kx < w->kw; kx += joined) {
                        if (joined > 1 || direct_source_place(d, phase, kx, &at)) {
                            k.from[m.taps] = begin + (int64_t)(at - d->first_at) * d->p.depth;
                            k.at[m.taps++] = (int64_t)(ky * w->kw + kx) * d->p.depth * m.ldb;
                        }
                    }
                }
                m.rows = (end - x - phase + d->step_to - 1) / d->step_to;
                m.c = line + (int64_t)phase * d->p.cols;
                m.behind = rt_pass_behind(&d->p, m.c, panel * v->isa->panel);
                v->isa->product(&m);
            }
            if (!rt_pass_is_behind(&d->p))
                rt_pass_finish(&d->p, (int64_t)l * d->p.ow + x, end - x, panel * v->isa->panel, m.cols);
        }
        m.b += (int64_t)w->kh * w->kw * d->p.depth * m.cols;
    }
}

/* One sample has few lines, a linear layer one: then the columns are shared, too. No sum depends on it. */
static int direct_groups(const struct direct *d)
{
    int threads = rt_parallel_threads(d->p.v->parallel), pieces = d->strips * d->segments;
    int wanted = threads == 1 || pieces >= PIECES * threads ? 1 : PIECES * threads / pieces;
    return rt_min_int(wanted, rt_panels(d->p.v->isa, d->p.cols));
}

size_t rt_direct_prepared(const struct rt_pass *p)
{
    return direct_panel_bytes(p->v);
}

struct rt_scratch_size rt_direct_scratch(const struct rt_pass *p, bool prepared)
{
    struct direct d = direct_of(p, false);
    return (struct rt_scratch_size){prepared ? 0 : direct_panel_bytes(p->v),
                                    direct_scratch_bytes(&d)};
}

/* ---- weights in panels ----
 * A product reads its B row by row, a register's width at a time. Laid out as panels, what it reads
 * is one stretch of memory; on the way back the taps stand in reverse, so that neighbouring taps
 * are one long sum there as well. All threads lay out: by one alone it was some per cent of a step
 * of a small network. Frozen networks do it once (onnx/last_conv.c). */

struct panels {
    const struct rt_pass *p;
    float *to;
};

/* Weights [units,kh,kw,c] as panels: columns are units forward, channels on the way back. One tap of one. */
static void direct_prepare_piece(void *self, int i, int thread)
{
    (void)thread;
    const struct panels *s = self;
    const struct rt_pass *p = s->p;
    const struct rt_conv *v = p->v;
    int kw = v->w.kw, taps = v->w.kh * kw, c = v->w.c, panel = i / taps, t = i % taps;
    int cols = rt_panel_cols(v->isa, p->cols, panel), first = panel * v->isa->panel;
    int tap = p->back && direct_joins_taps(p) ? t / kw * kw + kw - 1 - t % kw : t;
    int64_t unit = (int64_t)taps * c; /* from one unit's weights to the next's */
    const float *from = v->weight + (int64_t)tap * c + first * (p->back ? 1 : unit);
    float *to = s->to + ((int64_t)first * taps + (int64_t)t * cols) * p->depth;
    for (int k = 0; k < p->depth; k++, to += cols)
        for (int j = 0; j < cols; j++)
            to[j] = p->back ? from[k * unit + j] : from[j * unit + k];
}

void rt_direct_prepare(const struct rt_pass *p, void *prepared)
{
    struct panels s = {p, prepared};
    int taps = p->v->w.kh * p->v->w.kw;
    rt_parallel_for(p->v->parallel, rt_panels(p->v->isa, p->cols) * taps, direct_prepare_piece, &s);
}

void rt_direct_pass(const struct rt_pass *p, const struct rt_scratch *s)
{
    struct direct d = direct_of(p, false);
    if (!p->prepared)
        rt_direct_prepare(p, s->shared);
    d.panels = p->prepared ? p->prepared : s->shared;
    d.scratch = *s;
    d.groups = direct_groups(&d);
    rt_parallel_for(p->v->parallel, d.strips * d.segments * d.groups, direct_pass_piece, &d);
}

/* ---- weight gradients ----
 * Weight gradients are one sum over all samples and places. Lanes: ranges of samples, each into
 * sums of its own, added up in lane order. Wide layers whose lines need no padding go by blocks of
 * units instead, each over all samples, added to the gradient itself: eight lanes of 3 MB of sums
 * each, and a sample's dy, would not stay in a cache (38 GFLOP/s of a core's 90). As no sum depends
 * on the blocks, their number may follow that of the threads. A block reads all inputs again, so
 * blocks are as wide as they may be. */

struct lanes {
    struct direct d; /* the forward pass: lines of dy and the lines of x they see */
    int lanes, blocks; /* one of them 0 */
    bool transposed;  /* sums are [kh * kw * c][units]: a few channels make short rows */
    int64_t k;    /* kh * kw * c */
    float *sums;  /* [lanes][units * k] */
};

static struct lanes direct_lanes_of(const struct rt_conv *v)
{
    const struct rt_window *w = &v->w;
    struct rt_pass p = rt_pass_forward(v, v->x, NULL, false);
    int row = w->kw * w->c; /* of the plain sums */
    /* A few channels make rows of the sums that are shorter than a register: transposed, rows are
     * units. */
    struct lanes n = {.d = direct_of(&p, true),
                      .transposed = row < v->isa->panel && row <= v->units};
    n.k = (int64_t)w->kh * w->kw * w->c;
    bool copied = direct_needs_padding(&n.d, n.d.first_at, n.d.slab_places);
    if (!copied && !n.transposed && n.k * v->units > WIDE_FLOATS) {
        int threads = rt_parallel_threads(v->parallel);
        int most = rt_pieces(v->units, (int64_t)BLOCK_UNITS * threads) * threads;
        n.blocks = rt_min_int(v->units, most);
        return n;
    }
    int64_t places = (int64_t)v->batch * w->oh * w->ow / LANE_PLACES;
    int most = places < v->batch ? rt_max_int(1, (int)places) : v->batch;
    n.lanes = rt_min_int(most, rt_lanes(most, n.k * v->units));
    return n;
}

static size_t direct_sums_bytes(const struct lanes *n)
{
    return rt_aligned((size_t)n->lanes * (size_t)n->k * (size_t)n->d.p.cols * sizeof(float));
}

struct rt_scratch_size rt_direct_weights_scratch(const struct rt_conv *v)
{
    struct lanes n = direct_lanes_of(v);
    return (struct rt_scratch_size){direct_sums_bytes(&n), direct_scratch_bytes(&n.d)};
}

/* Units [first, end) and their sums: [end - first, k]; all units', [k, units], if transposed. */
struct units {
    int first, end;
    float *sums;
};

/* Adds what lines [from, to) of the batch, laid out at x, contribute through kernel line ky. */
static void direct_add_lines(const struct lanes *n, const struct direct_scratch *k, const float *x,
                             int strip, int from, int to, int ky, const struct units *u)
{
    const struct rt_conv *v = n->d.p.v;
    const struct rt_window *w = &v->w;
    int64_t units = v->units, c = w->c, across = w->dw == 1 ? w->kw * c : c;
    struct rt_product m = {.add = true};
    for (int place = 0; place < w->ow; place += DEEP)
        for (int kx = 0; kx * across < w->kw * c; kx++) {
            int64_t *dy_at = n->transposed ? k->at : k->from,
                    *x_at = n->transposed ? k->from : k->at;
            m.taps = 0;
            for (int l = from; l < to; l++) {
                int64_t line = k->line[(l - strip) * w->kh + ky];
                if (line >= 0) {
                    dy_at[m.taps] = ((int64_t)l * w->ow + place) * units + u->first;
                    x_at[m.taps++] = line + (place * w->sw + kx * w->dw) * c;
                }
            }
            m.a_at = k->from;
            m.b_at = k->at;
            m.depth = rt_min_int(DEEP, w->ow - place);
            m.row = 1;
            int64_t column = ky * w->kw * c + kx * c;
            if (n->transposed) {
                m.a = x, m.step = w->sw * c, m.rows = across;
                m.b = v->dy, m.ldb = m.cols = m.ldc = units;
                m.c = u->sums + column * units;
            } else {
                m.a = v->dy, m.step = units, m.rows = u->end - u->first;
                m.b = x, m.ldb = w->sw * c, m.cols = across;
                m.c = u->sums + column, m.ldc = n->k;
            }
            v->isa->product(&m);
        }
}

/* What lines [from, to) of the batch contribute. */
static void direct_add_strips(const struct lanes *n, int from, int to, int thread,
                              const struct units *u)
{
    const struct direct *d = &n->d;
    const struct rt_window *w = &d->p.v->w;
    struct direct_scratch k = direct_scratch_of(d, rt_scratch_of(&d->scratch, thread));
    int together = rt_max_int(1, DEEP / w->ow); /* lines of one product */
    for (int strip = from; strip < to; strip += d->lines) {
        int end = rt_min_int(strip + d->lines, to);
        const float *x = direct_lay_out_lines(d, &k, strip, end, d->first_at, d->slab_places);
        for (int l = strip; l < end; l += together)
            for (int ky = 0; ky < w->kh; ky++)
                direct_add_lines(n, &k, x, strip, l, rt_min_int(l + together, end), ky, u);
    }
}

/* A lane clears its own sums: memory is touched first by the thread that uses it. */
static void direct_lane_piece(void *self, int lane, int thread)
{
    const struct lanes *n = self;
    const struct rt_conv *v = n->d.p.v;
    int from = (int)((int64_t)v->batch * lane / n->lanes) * v->w.oh;
    int to = (int)((int64_t)v->batch * (lane + 1) / n->lanes) * v->w.oh;
    struct units u = {0, v->units, n->sums + lane * n->k * v->units};
    memset(u.sums, 0, (size_t)(n->k * v->units) * sizeof *u.sums);
    direct_add_strips(n, from, to, thread, &u);
}

/* Straight into the gradient: no other piece writes these units. */
static void direct_block_piece(void *self, int block, int thread)
{
    const struct lanes *n = self;
    const struct rt_conv *v = n->d.p.v;
    struct units u = {(int)((int64_t)v->units * block / n->blocks),
                      (int)((int64_t)v->units * (block + 1) / n->blocks), NULL};
    u.sums = v->grad + u.first * n->k;
    direct_add_strips(n, 0, v->batch * v->w.oh, thread, &u);
}

/* Lanes in their order, for a stretch of weights; transposed sums are read with a step, and they
 * are small. */
static void direct_sum_piece(void *self, int i, int thread)
{
    (void)thread;
    const struct lanes *n = self;
    int64_t all = n->k * n->d.p.cols, end = rt_piece_end(all, SUM_FLOATS, i);
    float *grad = n->d.p.v->grad;
    for (int lane = 0; lane < n->lanes; lane++) {
        const float *sums = n->sums + lane * all;
        for (int64_t at = (int64_t)i * SUM_FLOATS; at < end; at++)
            grad[at] += n->transposed ? sums[at % n->k * n->d.p.cols + at / n->k] : sums[at];
    }
}

void rt_direct_weights(const struct rt_conv *v, const struct rt_scratch *s)
{
    struct lanes n = direct_lanes_of(v);
    n.sums = s->shared;
    n.d.scratch = *s;
    if (n.blocks) {
        rt_parallel_for(v->parallel, n.blocks, direct_block_piece, &n);
        return;
    }
    rt_parallel_for(v->parallel, n.lanes, direct_lane_piece, &n);
    rt_parallel_for(v->parallel, rt_pieces(n.k * v->units, SUM_FLOATS), direct_sum_piece, &n);
}
