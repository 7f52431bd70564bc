/* SPDX-License-Identifier: MIT
 * conv_winograd: kernels of 3 (3x3, or 3 along a sequence) and stride 1 by Winograd's minimal
 * filtering F(4,3) (Lavin and Gray, arXiv 1509.09308): 4 outputs for 6 products instead of 12, and
 * 4x4 for 36 instead of 144. Input tiles and weights are transformed, multiplied point by point (a
 * product over channels per point), and the products transformed to outputs. Errors are two to three
 * times those of a plain sum. The way back is the same with the weights reversed; the gradient of
 * the weights goes through the transposed transforms.
 * A dilated sequence is as many sequences as the dilation, each of every so many-th place. */
#include "stages/nn/conv_way.h"

#include <string.h>

#define CHANNELS_MIN 12     /* with fewer, sums over taps are as quick, and more exact */
#define TILES 28          /* of one piece, at most: whole blocks of the product's rows */
#define TILES_WIDE 56     /* the same of a wide sequence, which has six points and not 36 */
#define WIDE 160          /* channels, beyond which weights are the most of what is read */
#define CHUNK_FLOATS (160 * 1024) /* of transformed inputs and gradients at a time: most of L2 */
#define CHUNK_TILES 16            /* transformed by one piece */
#define ROWS 112                  /* of one piece's product of weight gradients, at most */
#define LANE_TILES 16  /* of LANES_MIN lanes: with fewer, adding up the lanes would cost too much */
#define MANY_TILES 128 /* the same of more lanes, and of lanes whose sums leave L2 */
#define SHARED_FLOATS (1024 * 1024) /* sums from here on are shared */
#define APART 16                  /* floats between points, so that they meet in no cache set */

/* ---- the plan of a pass ----
 * Tiles of 4x4 outputs (4 along a sequence) are numbered through the whole batch and taken by
 * groups of whole blocks of the product's rows: 14 rows at a time with AVX-512, 6 with AVX2, so a
 * group of another size leaves registers idle in its last block (1.2 times as long, measured on
 * tdnn-512 with AVX2). F(2,3), smaller tiles, is as exact as a plain sum and saves half as much;
 * larger ones save more and are less exact still. */

struct winograd {
    struct rt_pass p;
    bool plane;
    int points;
    int dilation; /* of a sequence */
    int pad_h, pad_w;
    int down, across; /* tiles of a sample: lines of them (per residue of a dilation), in a line */
    int64_t tiles;    /* in the batch */
    int group;        /* tiles of one piece */
    bool wide;        /* by points */
    const float *weights; /* [panel][point][depth][panel's columns] */
    struct rt_scratch scratch;
};

/* A tile in the batch: its number by parts, and where it begins in the destination. */
struct winograd_tile {
    int sample, line, column;
    int y, x, lines, places; /* lines x places of its 4x4 exist */
};

/* As many rows as fill the registers again and again. */
static int winograd_whole_blocks(const struct rt_isa *isa, int most)
{
    return most / isa->rows * isa->rows;
}

/* Channels in fours: products have whole vectors then, and presets' widths are multiples of four.
 * With fewer than 12 a plain sum is as quick, and more exact. */
bool rt_winograd_fits(const struct rt_conv *v)
{
    const struct rt_window *w = &v->w;
    bool plane = w->kh == 3 && w->kw == 3 && w->dh == 1 && w->dw == 1;
    bool sequence = w->kh == 1 && w->kw == 3 && w->h == 1;
    return (plane || sequence) && w->sh == 1 && w->sw == 1 && v->units % 4 == 0 && w->c % 4 == 0 &&
           v->units >= CHANNELS_MIN && w->c >= CHANNELS_MIN && !v->plain;
}

static struct winograd winograd_of(const struct rt_pass *p)
{
    const struct rt_window *w = &p->v->w;
    struct winograd g = {.p = *p, .plane = w->kh == 3, .dilation = w->dw};
    g.points = g.plane ? 36 : 6;
    g.pad_h = g.plane ? (p->back ? 2 - w->ph : w->ph) : 0;
    g.pad_w = p->back ? 2 * w->dw - w->pw : w->pw;
    g.down = g.plane ? (p->oh + 3) / 4 : g.dilation;
    g.across = g.plane ? (p->ow + 3) / 4 : ((p->ow + g.dilation - 1) / g.dilation + 3) / 4;
    g.tiles = (int64_t)p->v->batch * g.down * g.across;
    g.wide = p->depth > WIDE;
    g.group = winograd_whole_blocks(p->v->isa, g.wide && !g.plane ? TILES_WIDE : TILES);
    /* One sample may have fewer tiles than that for each thread. */
    int64_t rows = p->v->isa->rows, each = rt_pieces(g.tiles, rt_parallel_threads(p->v->parallel));
    int64_t share = (each + rows - 1) / rows * rows;
    g.group = share < g.group ? (int)share : g.group;
    return g;
}

/* ---- tiles ----
 * Neighbouring tiles overlap by two places on each side, so every input is transformed 2.25 times.
 * At the borders a tile sees places that do not exist: they read as zeros, and outputs beyond the
 * picture are not written, so nothing is padded. */

static void winograd_tile_bounds(const struct winograd *g, struct winograd_tile *at)
{
    if (g->plane) {
        at->y = 4 * at->line;
        at->x = 4 * at->column;
        at->lines = rt_min_int(4, g->p.oh - at->y);
        at->places = rt_min_int(4, g->p.ow - at->x);
    } else {
        at->x = at->line + 4 * at->column * g->dilation;
        int rest = g->p.ow - at->x;
        at->lines = rest <= 0 ? 0 : rt_min_int(4, (rest + g->dilation - 1) / g->dilation);
        at->places = 1;
    }
}

static struct winograd_tile winograd_tile_at(const struct winograd *g, int64_t tile)
{
    struct winograd_tile at = {.sample = (int)(tile / g->across / g->down),
                               .line = (int)(tile / g->across % g->down),
                               .column = (int)(tile % g->across)};
    winograd_tile_bounds(g, &at);
    return at;
}

/* Counting on is cheaper than dividing for each tile. */
static void winograd_tile_next(const struct winograd *g, struct winograd_tile *at)
{
    if (++at->column == g->across) {
        at->column = 0;
        if (++at->line == g->down) {
            at->line = 0;
            at->sample++;
        }
    }
    winograd_tile_bounds(g, at);
}

/* Transforms the 6 or 6x6 source places that a tile sees. */
static void winograd_tile_inputs(const struct winograd *g, const struct winograd_tile *at,
                                 float *to, int64_t stride)
{
    int64_t depth = g->p.depth, width = g->p.w * depth;
    int y = at->y - g->pad_h, x = at->x - g->pad_w, step = g->dilation;
    struct rt_tile t = {
        .from = g->p.from + ((int64_t)at->sample * g->p.h + y) * width + x * depth,
        .to = to, .stride = stride, .n = depth, .plane = g->plane, .place = depth};
    if (g->plane) {
        t.line = width;
        t.top = rt_max_int(0, -y);
        t.lines = rt_min_int(6, g->p.h - y);
        t.left = rt_max_int(0, -x);
        t.places = rt_min_int(6, g->p.w - x);
    } else {
        t.line = step * depth;
        t.top = x < 0 ? (-x + step - 1) / step : 0;
        t.lines = x >= g->p.w ? 0 : rt_min_int(6, (g->p.w - x + step - 1) / step);
    }
    g->p.v->isa->from_inputs(&t);
}

/* ---- memory ----
 * All threads read the transformed weights; a thread keeps the transformed inputs of one group of
 * tiles, and the products of one panel of columns. Points lie a cache line further apart than they
 * need: with 128 and 256 channels they all met in two sets of the first cache, which cost a third
 * of the transform. */

static size_t winograd_weights_bytes(const struct winograd *g)
{
    return rt_aligned((size_t)g->points * (size_t)g->p.depth * (size_t)g->p.cols * sizeof(float));
}

static int64_t winograd_input_stride(const struct winograd *g)
{
    return (int64_t)g->group * g->p.depth + APART;
}

static int64_t winograd_product_stride(const struct winograd *g, int64_t cols)
{
    return g->group * cols + APART;
}

/* Of one thread in a pass: transformed inputs, products of a panel. */
static size_t winograd_pass_bytes(const struct winograd *g)
{
    size_t points = (size_t)g->points * sizeof(float);
    return rt_aligned(points * (size_t)winograd_input_stride(g)) +
           rt_aligned(points * (size_t)winograd_product_stride(g, g->wide ? g->p.cols : g->p.v->isa->panel));
}

/* ---- a pass ----
 * One piece does all three steps for its tiles, transform, products, transform back, while they are
 * in its cache. Three loops over the whole layer, one step each, would move 36 / 16 of the input
 * through memory twice. With many channels the weights are what moves most: then all panels of a point are taken
 * before the next point, so a piece may have as many tiles as it likes, and pieces that read all weights are few. No
 * sum depends on that order. */

/* What stands behind the sums of a tile's places, where the transform does not do it. */
static void winograd_finish(const struct winograd *g, const struct winograd_tile *at, int64_t to, int64_t col,
                            int64_t n)
{
    if (rt_pass_is_behind(&g->p))
        return;
    for (int line = 0; line < at->lines; line++, to += g->plane ? g->p.ow : g->dilation)
        rt_pass_finish(&g->p, to, at->places, col, n);
}

static void winograd_transform(const struct winograd *g, struct winograd_tile at, int tiles, float *inputs)
{
    for (int k = 0; k < tiles; k++, winograd_tile_next(g, &at))
        winograd_tile_inputs(g, &at, inputs + (int64_t)k * g->p.depth, winograd_input_stride(g));
}

/* [tiles,depth] of one point by its weights of one panel -> [tiles,n]. */
static void winograd_multiply(const struct winograd *g, int point, int panel, const float *inputs, int tiles,
                              float *products)
{
    static const int64_t zero = 0;
    int64_t depth = g->p.depth, n = rt_panel_cols(g->p.v->isa, g->p.cols, panel);
    int64_t at = (int64_t)g->points * panel * g->p.v->isa->panel + point * n; /* columns before */
    g->p.v->isa->product(&(struct rt_product){
        .a = inputs + point * winograd_input_stride(g), .row = depth, .step = 1, .b = g->weights + at * depth, .ldb = n,
        .a_at = &zero, .b_at = &zero, .taps = 1, .depth = depth, .c = products, .ldc = n, .rows = tiles, .cols = n});
}

/* A panel's products, points `stride` apart, to its columns of the tiles' places, with what stands behind the sums. */
static void winograd_outputs(const struct winograd *g, struct winograd_tile at, int tiles, int panel,
                             const float *products, int64_t stride)
{
    const struct rt_isa *isa = g->p.v->isa;
    int64_t cols = g->p.cols, col = panel * isa->panel, n = rt_panel_cols(isa, g->p.cols, panel);
    for (int k = 0; k < tiles; k++, winograd_tile_next(g, &at)) {
        int64_t place = ((int64_t)at.sample * g->p.oh + at.y) * g->p.ow + at.x;
        float *to = g->p.to + place * cols + col;
        isa->to_outputs(&(struct rt_tile){
            .from = products + k * n, .stride = stride, .n = n, .to = to,
            .line = (g->plane ? g->p.ow : g->dilation) * cols, .place = cols, .lines = at.lines,
            .places = at.places, .plane = g->plane, .add = g->p.add, .behind = rt_pass_behind(&g->p, to, col)});
        winograd_finish(g, &at, place, col, n);
    }
}

/* Panel by panel: all products of one are in the first caches when they are transformed. */
static void winograd_by_panels(const struct winograd *g, const struct winograd_tile *begin, int tiles,
                               const float *inputs, float *products)
{
    for (int panel = 0; panel < rt_panels(g->p.v->isa, g->p.cols); panel++) {
        int64_t stride = winograd_product_stride(g, rt_panel_cols(g->p.v->isa, g->p.cols, panel));
        for (int point = 0; point < g->points; point++)
            winograd_multiply(g, point, panel, inputs, tiles, products + point * stride);
        winograd_outputs(g, *begin, tiles, panel, products, stride);
    }
}

/* Point by point: one point's inputs stay in the second cache while all of its weights go by. */
static void winograd_by_points(const struct winograd *g, const struct winograd_tile *begin, int tiles,
                               const float *inputs, float *products)
{
    int panels = rt_panels(g->p.v->isa, g->p.cols);
    int64_t stride = winograd_product_stride(g, g->p.cols), panel_floats = (int64_t)tiles * g->p.v->isa->panel;
    for (int point = 0; point < g->points; point++)
        for (int panel = 0; panel < panels; panel++)
            winograd_multiply(g, point, panel, inputs, tiles, products + point * stride + panel * panel_floats);
    for (int panel = 0; panel < panels; panel++)
        winograd_outputs(g, *begin, tiles, panel, products + panel * panel_floats, stride);
}

static void winograd_pass_piece(void *self, int i, int thread)
{
    const struct winograd *g = self;
    int64_t first = (int64_t)i * g->group;
    int tiles = (int)(rt_piece_end(g->tiles, g->group, i) - first);
    float *inputs = rt_scratch_of(&g->scratch, thread);
    float *products = inputs + (g->points * winograd_input_stride(g) + 15) / 16 * 16;
    struct winograd_tile begin = winograd_tile_at(g, first);
    winograd_transform(g, begin, tiles, inputs);
    (g->wide ? winograd_by_points : winograd_by_panels)(g, &begin, tiles, inputs, products);
}

/* ---- weights, transformed ----
 * Four times as many numbers as the kernel has for 3x3, and made anew in each step, as the weights
 * change: that is why few tiles are not worth it (rt_conv.plain). Threads share units. */

/* One unit's weights, forward: scattered over the panels' columns. */
static void winograd_unit_forward(void *self, int unit, int thread)
{
    const struct winograd *g = self;
    const struct rt_isa *isa = g->p.v->isa;
    int c = g->p.depth, panel = unit / isa->panel, column = unit % isa->panel;
    int n = rt_panel_cols(isa, g->p.cols, panel), taps = g->plane ? 9 : 3;
    float *transformed = rt_scratch_of(&g->scratch, thread);
    isa->from_weights(&(struct rt_tile){
        .from = g->p.v->weight + (int64_t)unit * taps * c, .to = transformed,
        .line = g->plane ? 3 * c : c, .place = c, .stride = c, .n = c, .plane = g->plane});
    float *to = (float *)g->weights + (int64_t)panel * isa->panel * g->points * c + column;
    for (int64_t k = 0; k < (int64_t)g->points * c; k++)
        to[k * n] = transformed[k];
}

/* The same on the way back: a unit is a row there, the taps are reversed. */
static void winograd_unit_back(void *self, int unit, int thread)
{
    (void)thread;
    const struct winograd *g = self;
    const struct rt_isa *isa = g->p.v->isa;
    int c = g->p.cols, taps = g->plane ? 9 : 3;
    const float *last = g->p.v->weight + ((int64_t)unit * taps + taps - 1) * c;
    float *to = (float *)g->weights;
    for (int panel = 0; panel < rt_panels(isa, c); panel++) {
        int n = rt_panel_cols(isa, c, panel);
        isa->from_weights(&(struct rt_tile){
            .from = last + panel * isa->panel, .to = to + (int64_t)unit * n,
            .line = g->plane ? -3 * c : -c, .place = -c, .stride = (int64_t)g->p.depth * n, .n = n,
            .plane = g->plane});
        to += (int64_t)g->points * g->p.depth * n;
    }
}

size_t rt_winograd_prepared(const struct rt_pass *p)
{
    struct winograd g = winograd_of(p);
    return winograd_weights_bytes(&g);
}

struct rt_scratch_size rt_winograd_scratch(const struct rt_pass *p, bool prepared)
{
    struct winograd g = winograd_of(p);
    return (struct rt_scratch_size){prepared ? 0 : winograd_weights_bytes(&g),
                                    winograd_pass_bytes(&g)};
}

void rt_winograd_prepare(const struct rt_pass *p, void *prepared, const struct rt_scratch *s)
{
    struct winograd g = winograd_of(p);
    g.weights = prepared;
    g.scratch = *s;
    rt_parallel_for(p->v->parallel, p->v->units,
                    p->back ? winograd_unit_back : winograd_unit_forward, &g);
}

void rt_winograd_pass(const struct rt_pass *p, const struct rt_scratch *s)
{
    struct winograd g = winograd_of(p);
    g.weights = p->prepared ? p->prepared : s->shared;
    g.scratch = *s;
    if (!p->prepared)
        rt_winograd_prepare(p, s->shared, s);
    rt_parallel_for(p->v->parallel, rt_pieces(g.tiles, g.group), winograd_pass_piece, &g);
}

/* Weight gradients, by chunks of tiles: transform inputs and gradients, multiply them point by point. In
 * lanes of tiles, what a thread transforms it also multiplies. The largest sums, and those of few tiles,
 * are shared: pieces transform a chunk, then pieces of points and units add their products to their part
 * of the sums. Either way no sum depends on the number of threads. */
struct chunk {
    struct winograd g; /* the forward pass */
    int units, rows, blocks; /* blocks of `rows` units */
    int lanes;         /* 1: shared */
    int tiles;         /* of a chunk, at most */
    int64_t first, count, start;
    float *inputs, *gradients; /* [point][tile][c], [point][tile][units]; of lanes, in their scratch */
    float *sums;               /* [point][units][c]; of each lane */
};

/* How many tiles a chunk has, and how many lanes there are, follow from the shape, so that every
 * sum has one order. Shared sums are for what is too large for lanes (each would have its own) or
 * too small (adding lanes up would be most of the work). */
static struct chunk winograd_chunk_of(const struct rt_conv *v)
{
    struct rt_pass p = rt_pass_forward(v, v->x, NULL, false);
    struct chunk k = {
        .g = winograd_of(&p), .units = v->units, .rows = winograd_whole_blocks(v->isa, ROWS)};
    k.blocks = rt_pieces(v->units, k.rows);
    int64_t sums = (int64_t)v->units * v->w.c * k.g.points, floats = CHUNK_FLOATS;
    bool large = sums > CHUNK_FLOATS;
    bool shared = sums >= SHARED_FLOATS || k.g.tiles < LANES_MIN * (large ? MANY_TILES : LANE_TILES);
    k.lanes = shared ? 1 : rt_lanes(k.g.tiles / MANY_TILES, sums);
    if (large) {
        floats = 2 * sums; /* so that the sums are not what is moved most */
    }
    int64_t tiles = floats / k.g.points / (v->units + v->w.c) / CHUNK_TILES * CHUNK_TILES;
    tiles = tiles < CHUNK_TILES ? CHUNK_TILES : tiles;
    k.tiles = (int)(tiles < k.g.tiles ? tiles : k.g.tiles);
    return k;
}

static int64_t winograd_chunk_stride(const struct chunk *k, int channels)
{
    return (int64_t)k->tiles * channels + APART;
}

static size_t winograd_inputs_bytes(const struct chunk *k, int channels)
{
    return rt_aligned((size_t)k->g.points * (size_t)winograd_chunk_stride(k, channels) *
                      sizeof(float));
}

static size_t winograd_both_bytes(const struct chunk *k)
{
    return winograd_inputs_bytes(k, k->g.p.depth) + winograd_inputs_bytes(k, k->units);
}

struct rt_scratch_size rt_winograd_weights_scratch(const struct rt_conv *v)
{
    struct chunk k = winograd_chunk_of(v);
    size_t sums = (size_t)k.lanes * winograd_weights_bytes(&k.g), both = winograd_both_bytes(&k);
    return k.lanes > 1 ? (struct rt_scratch_size){sums, both}
                       : (struct rt_scratch_size){sums + both, 0};
}

/* Transforms tiles [t, end) of the chunk. */
static void winograd_transform_tiles(const struct chunk *k, int64_t t, int64_t end)
{
    const struct winograd *g = &k->g;
    struct winograd_tile at = winograd_tile_at(g, k->first + t);
    for (; t < end; t++, winograd_tile_next(g, &at)) {
        winograd_tile_inputs(g, &at, k->inputs + t * g->p.depth,
                             winograd_chunk_stride(k, g->p.depth));
        int64_t from = ((int64_t)at.sample * g->p.oh + at.y) * g->p.ow + at.x;
        g->p.v->isa->from_gradient(&(struct rt_tile){
            .from = g->p.v->dy + from * k->units, .to = k->gradients + t * k->units,
            .line = (g->plane ? g->p.ow : g->dilation) * (int64_t)k->units, .place = k->units,
            .stride = winograd_chunk_stride(k, k->units), .n = k->units, .lines = at.lines,
            .places = at.places, .plane = g->plane});
    }
}

/* Adds the chunk's part of the sums of `rows` units at one point. */
static void winograd_multiply_point(const struct chunk *k, int point, int row, int rows)
{
    static const int64_t zero = 0;
    int64_t c = k->g.p.depth;
    k->g.p.v->isa->product(
        &(struct rt_product){.a = k->gradients + point * winograd_chunk_stride(k, k->units) + row,
                             .row = 1,
                             .step = k->units,
                             .b = k->inputs + point * winograd_chunk_stride(k, (int)c),
                             .ldb = c,
                             .a_at = &zero,
                             .b_at = &zero,
                             .taps = 1,
                             .depth = k->count,
                             .c = k->sums + ((int64_t)point * k->units + row) * c,
                             .ldc = c,
                             .rows = rows,
                             .cols = c,
                             .add = k->first > k->start});
}

static void winograd_transform_piece(void *self, int i, int thread)
{
    (void)thread;
    const struct chunk *k = self;
    winograd_transform_tiles(k, (int64_t)i * CHUNK_TILES, rt_piece_end(k->count, CHUNK_TILES, i));
}

static void winograd_product_piece(void *self, int i, int thread)
{
    (void)thread;
    const struct chunk *k = self;
    int row = i % k->blocks * k->rows;
    winograd_multiply_point(k, i / k->blocks, row, rt_min_int(k->rows, k->units - row));
}

/* Where the transformed tiles go: [both_bytes]. */
static void winograd_place_tiles(struct chunk *k, void *memory)
{
    k->inputs = memory;
    k->gradients = (float *)((char *)memory + winograd_inputs_bytes(k, k->g.p.depth));
}

/* Chunk after chunk of a lane's tiles: the transformed tiles stay in the thread's scratch memory,
 * which fits its second cache, from the transform to the products. */
static void winograd_lane_piece(void *self, int lane, int thread)
{
    const struct chunk *all = self;
    struct chunk k = *all;
    int64_t end = k.g.tiles * (lane + 1) / k.lanes;
    winograd_place_tiles(&k, rt_scratch_of(&k.g.scratch, thread));
    k.sums += lane * (int64_t)(winograd_weights_bytes(&k.g) / sizeof(float));
    k.start = k.g.tiles * lane / k.lanes;
    for (k.first = k.start; k.first < end; k.first += k.count) {
        k.count = end - k.first < k.tiles ? end - k.first : k.tiles;
        winograd_transform_tiles(&k, 0, k.count);
        for (int point = 0; point < k.g.points; point++)
            winograd_multiply_point(&k, point, 0, k.units);
    }
}

/* The transposed transform of the weights' own, lanes in their order. It is linear, so it could as
 * well come after adding up the lanes; that would need one more pass over the sums. */
static void winograd_unit_weights(void *self, int unit, int thread)
{
    (void)thread;
    const struct chunk *k = self;
    int64_t c = k->g.p.depth, taps = k->g.plane ? 9 : 3;
    for (int lane = 0; lane < k->lanes; lane++) {
        int64_t sums = lane * (int64_t)(winograd_weights_bytes(&k->g) / sizeof(float));
        k->g.p.v->isa->to_weights(&(struct rt_tile){
            .from = k->sums + sums + unit * c, .to = k->g.p.v->grad + unit * taps * c,
            .line = k->g.plane ? 3 * c : c, .place = c, .stride = k->units * c, .n = c,
            .plane = k->g.plane});
    }
}

void rt_winograd_weights(const struct rt_conv *v, const struct rt_scratch *s)
{
    struct chunk k = winograd_chunk_of(v);
    k.g.scratch = *s;
    k.sums = s->shared;
    if (k.lanes == 1)
        winograd_place_tiles(&k, (char *)s->shared + winograd_weights_bytes(&k.g));
    else
        rt_parallel_for(v->parallel, k.lanes, winograd_lane_piece, &k);
    for (; k.lanes == 1 && k.first < k.g.tiles; k.first += k.count) {
        k.count = k.g.tiles - k.first < k.tiles ? k.g.tiles - k.first : k.tiles;
        rt_parallel_for(v->parallel, rt_pieces(k.count, CHUNK_TILES), winograd_transform_piece, &k);
        rt_parallel_for(v->parallel, k.g.points * k.blocks, winograd_product_piece, &k);
    }
    rt_parallel_for(v->parallel, v->units, winograd_unit_weights, &k);
}
