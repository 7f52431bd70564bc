/* SPDX-License-Identifier: MIT
 * op_batchnorm: normalises each channel (the innermost dimension) over the batch and all places, as
 * PyTorch: epsilon 1e-5 unless set, momentum 0.1, running mean and unbiased variance as "mean" and
 * "var". Without training, or frozen, the running statistics are used and stay as they are.
 *
 * Few channels make short inner loops, so `fold` rows of c channels count as one row of fold * c
 * numbers; sums are then added up over the fold. Sums are of distances from the first row (no
 * cancellation when the mean is large), in float over one block, in double over blocks and pieces.
 */
#include "stages/nn/simd.h"
#include "stages/nn/window.h"

#include <math.h>
#include <string.h>

#define MOMENTUM 0.1
#define WIDE 64            /* numbers in a row worth vectorising */
#define PIECE_FLOATS 16384 /* of one piece */
#define BLOCK_ROWS 64      /* rows added up in float */
#define LINES 5

/* ---- what is kept where ----
 * The statistics of this step are saved for backward, 2 c numbers; everything else is scratch. The
 * input itself is read again in backward, so no normalised copy of it is stored: PyTorch does the
 * same. */

struct norm {
    struct rt_op_run *r;
    int64_t c, rows;    /* channels; batch x places */
    int64_t fold, wide; /* rows taken as one; fold * c */
    int64_t grain;      /* rows of one piece: a multiple of fold */
    int pieces;
    bool batch_statistics;
    bool back;          /* sums are those of the backward pass */
    float *mean, *rstd; /* [c] of this step (kept for backward) */
    double *sum;        /* [pieces, 2, c] */
    float *line;        /* [LINES, wide] per-channel factors, repeated fold times */
};

static int op_batchnorm_shape(struct rt_graph *g, struct rt_node *n, const struct rt_shape *in,
                              struct rt_error *e)
{
    if (in->rank < 1)
        return rt_shape_refuse(n, in, "[..,c]", e);
    int64_t c = in->dim[in->rank - 1];
    n->shape = *in;
    static const struct {
        const char *what;
        float fill;
        bool statistic;
    } row[] = {{"weight", 1, false}, {"bias", 0, false}, {"mean", 0, true}, {"var", 1, true}};
    for (int i = 0; i < 4; i++) {
        int err = rt_op_param(g, n, row[i].what, 1, &c, 0, row[i].fill, false, row[i].statistic);
        if (err)
            return err;
    }
    return 0;
}

static size_t op_batchnorm_saved(const struct rt_node *n, const struct rt_shape *in, int batch)
{
    (void)n;
    (void)batch;
    return 2 * (size_t)in->dim[in->rank - 1] * sizeof(float);
}

/* ---- how the work is cut ----
 * A piece is a fixed number of rows, whoever computes it, and has sums of its own, which are added
 * in piece order: the bytes do not depend on the threads. */

/* fold: 16 channels would be one vector of AVX-512; four rows of them are four. */
static struct norm op_batchnorm_layout(const struct rt_shape *in, int batch)
{
    struct norm m = {.c = in->dim[in->rank - 1]};
    m.rows = batch * (rt_shape_count(in) / m.c);
    m.fold = m.c < WIDE ? WIDE / m.c : 1;
    m.wide = m.fold * m.c;
    m.grain = PIECE_FLOATS / m.wide * m.fold;
    m.grain = m.grain < m.fold ? m.fold : m.grain;
    m.pieces = rt_pieces(m.rows, m.grain);
    return m;
}

/* The pieces' sums, the factors of each channel, and of each thread two lines of float sums. */
static struct rt_scratch_size op_batchnorm_scratch(const struct rt_node *n,
                                                   const struct rt_shape *in, int batch)
{
    (void)n;
    struct norm m = op_batchnorm_layout(in, batch);
    size_t line = (size_t)m.wide * sizeof(float);
    return (struct rt_scratch_size){.shared = (size_t)m.pieces * 2 * (size_t)m.c * sizeof(double) +
                                      (LINES + 2) * line,
                                    .thread = 2 * line};
}

static struct norm op_batchnorm_begin(struct rt_op_run *r)
{
    struct norm m = op_batchnorm_layout(r->in_shape[0], r->batch);
    m.r = r;
    m.batch_statistics = r->training && !r->node->attr.frozen;
    m.sum = r->scratch.shared;
    m.line = (float *)(m.sum + m.pieces * 2 * m.c);
    m.mean = r->training ? r->saved : m.line + LINES * m.wide;
    m.rstd = m.mean + m.c;
    return m;
}

/* Repeats value[c] along line. */
static void op_batchnorm_repeat_line(const struct norm *m, float *line)
{
    for (int64_t i = m->c; i < m->wide; i++)
        line[i] = line[i - m->c];
}

/* ---- loops over rows ----
 * These loops over [rows, n] do all the work: n is the folded width, at least 64 numbers, so each
 * is a few long vectors. Sums are of distances from the first row: a plain sum of squares less the
 * square of the mean loses its digits when a channel's mean is large beside its deviation, and a
 * second pass for the mean would read the input once more. */

/* Sums of d and d*d, d = x - origin. */
RT_SIMD static void op_batchnorm_sums_forward(const float *restrict x, const float *restrict origin,
                                              float *restrict s1, float *restrict s2, int64_t rows,
                                              int64_t n)
{
    for (int64_t p = 0; p < rows; p++, x += n)
        for (int64_t i = 0; i < n; i++) {
            float d = x[i] - origin[i];
            s1[i] += d;
            s2[i] += d * d;
        }
}

/* Which gradients a relu let pass: all; those whose output, calculated again, is above 0 (cheaper
 * than to read it); those whose output is. */
enum mask { MASK_NONE, MASK_AGAIN, MASK_OUTPUT };

static enum mask op_batchnorm_mask(const struct rt_op_run *r)
{
    return !r->relu ? MASK_NONE : r->other ? MASK_OUTPUT : MASK_AGAIN;
}

/* Sums of g and g*(x - mean), g = dy where the relu let it pass. line: mean, scale, shift, `stride`
 * apart. */
RT_SIMD static void op_batchnorm_sums_backward(const float *restrict x, const float *restrict y,
                                               const float *restrict dy, const float *restrict line,
                                               int64_t stride, float *restrict s1,
                                               float *restrict s2, int64_t rows, int64_t n,
                                               enum mask mask)
{
    const float *mean = line, *scale = mean + stride, *shift = scale + stride;
    for (int64_t p = 0; p < rows; p++, x += n, dy += n, y += n) {
        if (mask == MASK_AGAIN)
            for (int64_t i = 0; i < n; i++) {
                float g = x[i] * scale[i] + shift[i] > 0 ? dy[i] : 0;
                s1[i] += g;
                s2[i] += g * (x[i] - mean[i]);
            }
        else if (mask == MASK_OUTPUT)
            for (int64_t i = 0; i < n; i++) {
                float g = y[i] > 0 ? dy[i] : 0;
                s1[i] += g;
                s2[i] += g * (x[i] - mean[i]);
            }
        else
            for (int64_t i = 0; i < n; i++) {
                s1[i] += dy[i];
                s2[i] += dy[i] * (x[i] - mean[i]);
            }
    }
}

/* other: added before the relu, or NULL. */
RT_SIMD static void op_batchnorm_scale_rows(const float *restrict x, const float *restrict other,
                                            float *restrict y, const float *restrict scale,
                                            const float *restrict shift, int64_t rows, int64_t n,
                                            bool relu)
{
    for (int64_t p = 0; p < rows; p++, x += n, y += n, other += other ? n : 0) {
        if (other)
            for (int64_t i = 0; i < n; i++) {
                float v = x[i] * scale[i] + shift[i] + other[i];
                y[i] = relu && v < 0 ? 0 : v;
            }
        else if (relu)
            for (int64_t i = 0; i < n; i++) {
                float v = x[i] * scale[i] + shift[i];
                y[i] = v < 0 ? 0 : v;
            }
        else
            for (int64_t i = 0; i < n; i++)
                y[i] = x[i] * scale[i] + shift[i];
    }
}

/* dx = scale g + b (x - mean) + s, added or written; line: mean, scale, shift, b, s.
 * dx may be dy. */
RT_SIMD static void op_batchnorm_input_rows(const float *restrict x, const float *restrict y,
                                            const float *dy, float *dx, const float *restrict line,
                                            int64_t stride, int64_t rows, int64_t n, enum mask mask,
                                            bool add)
{
    const float *mean = line, *scale = mean + stride, *shift = scale + stride, *b = shift + stride,
                *s = b + stride;
    for (int64_t p = 0; p < rows; p++, x += n, dy += n, dx += n, y += n) {
        if (mask == MASK_AGAIN && !add) {
            _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++)
            {
                float g = x[i] * scale[i] + shift[i] > 0 ? dy[i] : 0;
                dx[i] = scale[i] * g + b[i] * (x[i] - mean[i]) + s[i];
            }
        } else if (mask == MASK_OUTPUT && !add) {
            _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++)
            {
                dx[i] = scale[i] * (y[i] > 0 ? dy[i] : 0) + b[i] * (x[i] - mean[i]) + s[i];
            }
        } else {
            _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++)
            {
                bool pass = mask == MASK_NONE ||
                            (mask == MASK_OUTPUT ? y[i] : x[i] * scale[i] + shift[i]) > 0;
                float g = pass ? dy[i] : 0;
                dx[i] = (add ? dx[i] : 0) + scale[i] * g + b[i] * (x[i] - mean[i]) + s[i];
            }
        }
    }
}

/* The gradient of what was added: dy where the relu let it pass. */
RT_SIMD static void op_batchnorm_other_rows(const float *restrict y, const float *restrict dy,
                                            float *restrict dother, int64_t n, bool add)
{
    for (int64_t i = 0; i < n; i++) {
        float g = !y || y[i] > 0 ? dy[i] : 0;
        dother[i] = add ? dother[i] + g : g;
    }
}

/* ---- pieces ----
 * Float sums over at most 64 rows, then double: as exact as double throughout, at the speed of
 * float. */

/* Sums of one piece into its two rows of m->sum. line 0 holds the origin. */
static void op_batchnorm_sum_piece(void *self, int i, int thread)
{
    struct norm *m = self;
    const struct rt_op_run *r = m->r;
    double *sum = m->sum + (int64_t)i * 2 * m->c;
    float *s1 = rt_scratch_of(&r->scratch, thread), *s2 = s1 + m->wide;
    memset(sum, 0, 2 * (size_t)m->c * sizeof *sum);
    int64_t end = rt_piece_end(m->rows, m->grain, i), rows;
    for (int64_t row = i * m->grain; row < end; row += rows) {
        /* Whole wide rows, then what is left one by one. */
        int64_t fold = end - row >= m->fold ? m->fold : 1, at = row * m->c, n = fold * m->c;
        int64_t times = (end - row) / fold < BLOCK_ROWS ? (end - row) / fold : BLOCK_ROWS;
        rows = times * fold;
        memset(s1, 0, 2 * (size_t)m->wide * sizeof *s1);
        if (m->back)
            op_batchnorm_sums_backward(r->x[0] + at, r->y + at, r->dy + at, m->line, m->wide, s1,
                                       s2, times, n, op_batchnorm_mask(r));
        else
            op_batchnorm_sums_forward(r->x[0] + at, m->line, s1, s2, times, n);
        for (int64_t k = 0; k < fold; k++)
            for (int64_t c = 0; c < m->c; c++) {
                sum[c] += (double)s1[k * m->c + c];
                sum[m->c + c] += (double)s2[k * m->c + c];
            }
    }
}

/* Folded rows first, then the few that do not fill one. */
static void op_batchnorm_forward_piece(void *self, int i, int thread)
{
    (void)thread;
    struct norm *m = self;
    const struct rt_op_run *r = m->r;
    int64_t row = i * m->grain, end = rt_piece_end(m->rows, m->grain, i);
    int64_t times = (end - row) / m->fold, at = row * m->c, n = times * m->wide;
    const float *scale = m->line, *shift = scale + m->wide;
    const float *other = r->other ? r->other + at : NULL;
    op_batchnorm_scale_rows(r->x[0] + at, other, r->y + at, scale, shift, times, m->wide, r->relu);
    op_batchnorm_scale_rows(r->x[0] + at + n, other ? other + n : NULL, r->y + at + n, scale, shift,
                            end - row - times * m->fold, m->c, r->relu);
}

static void op_batchnorm_backward_piece(void *self, int i, int thread)
{
    (void)thread;
    struct norm *m = self;
    const struct rt_op_run *r = m->r;
    int64_t row = i * m->grain, end = rt_piece_end(m->rows, m->grain, i);
    int64_t times = (end - row) / m->fold, at = row * m->c, n = times * m->wide;
    const float *x = r->x[0] + at, *y = r->relu ? r->y + at : NULL;
    if (r->dother)
        op_batchnorm_other_rows(y, r->dy + at, r->dother + at, (end - row) * m->c, r->add_other);
    if (!r->dx[0])
        return;
    const float *out = r->y + at;
    enum mask mask = op_batchnorm_mask(r);
    op_batchnorm_input_rows(x, out, r->dy + at, r->dx[0] + at, m->line, m->wide, times, m->wide,
                            mask, r->add[0]);
    op_batchnorm_input_rows(x + n, out + n, r->dy + at + n, r->dx[0] + at + n, m->line, m->wide,
                            end - row - times * m->fold, m->c, mask, r->add[0]);
}

/* Adds up the pieces in their order into the first piece's rows. */
static void op_batchnorm_sum_all(struct norm *m)
{
    rt_parallel_for(m->r->parallel, m->pieces, op_batchnorm_sum_piece, m);
    for (int i = 1; i < m->pieces; i++)
        for (int64_t k = 0; k < 2 * m->c; k++)
            m->sum[k] += m->sum[(int64_t)i * 2 * m->c + k];
}

/* ---- statistics ----
 * Momentum and the unbiased running variance are PyTorch's, so that a network trained here and
 * exported behaves there as here. */

static void op_batchnorm_batch_statistics(struct norm *m)
{
    const struct rt_op_run *r = m->r;
    float *mean = r->param[2]->value, *var = r->param[3]->value;
    double n = (double)m->rows;
    memcpy(m->line, r->x[0], (size_t)m->c * sizeof *m->line);
    op_batchnorm_repeat_line(m, m->line);
    op_batchnorm_sum_all(m);
    for (int64_t c = 0; c < m->c; c++) {
        double away = m->sum[c] / n, v = m->sum[m->c + c] / n - away * away;
        v = v < 0 ? 0 : v; /* rounding; NaN passes */
        m->mean[c] = (float)(r->x[0][c] + away);
        double epsilon = r->node->attr.epsilon > 0 ? r->node->attr.epsilon : 1e-5;
        m->rstd[c] = (float)(1 / sqrt(v + epsilon));
        double unbiased = m->rows > 1 ? v * n / (n - 1) : v;
        mean[c] += (float)(MOMENTUM * ((double)m->mean[c] - mean[c]));
        var[c] += (float)(MOMENTUM * (unbiased - var[c]));
    }
}

static void op_batchnorm_running_statistics(struct norm *m)
{
    const struct rt_op_run *r = m->r;
    double epsilon = r->node->attr.epsilon > 0 ? r->node->attr.epsilon : 1e-5;
    for (int64_t c = 0; c < m->c; c++) {
        m->mean[c] = r->param[2]->value[c];
        m->rstd[c] = (float)(1 / sqrt(r->param[3]->value[c] + epsilon));
    }
}

/* y = scale x + shift: the same numbers whoever asks. */
static void op_batchnorm_scale_and_shift(const struct norm *m, float *scale, float *shift)
{
    const struct rt_op_run *r = m->r;
    for (int64_t c = 0; c < m->c; c++) {
        scale[c] = m->rstd[c] * r->param[0]->value[c];
        shift[c] = r->param[1]->value[c] - m->mean[c] * scale[c];
    }
    op_batchnorm_repeat_line(m, scale);
    op_batchnorm_repeat_line(m, shift);
}

/* ---- forward and backward ----
 * Forward with batch statistics reads the input twice, sums and then scaling; with running ones
 * once. Backward likewise: the sums need every g before the first dx can be written. A relu or an
 * add behind is done here (fuses_relu, fuses_add), its mask calculated again in backward, which
 * costs less than reading the output. */

static void op_batchnorm_forward(struct rt_op_run *r)
{
    struct norm m = op_batchnorm_begin(r);
    if (m.batch_statistics)
        op_batchnorm_batch_statistics(&m);
    else
        op_batchnorm_running_statistics(&m);
    op_batchnorm_scale_and_shift(&m, m.line, m.line + m.wide);
    rt_parallel_for(r->parallel, m.pieces, op_batchnorm_forward_piece, &m);
}

/* With h = (x - mean) rstd: dx = weight rstd (g - mean(g) - h mean(g h)). Constant statistics leave
 * the first term alone. */
static void op_batchnorm_backward(struct rt_op_run *r)
{
    struct norm m = op_batchnorm_begin(r);
    m.back = true;
    float *mean = m.line, *scale = mean + m.wide, *shift = scale + m.wide, *b = shift + m.wide,
          *s = b + m.wide;
    memset(m.line, 0, LINES * (size_t)m.wide * sizeof *m.line);
    memcpy(mean, m.mean, (size_t)m.c * sizeof *mean);
    op_batchnorm_repeat_line(&m, mean);
    op_batchnorm_scale_and_shift(&m, scale, shift);
    if (m.batch_statistics)
        op_batchnorm_sum_all(&m);
    for (int64_t c = 0; m.batch_statistics && c < m.c; c++) {
        double rstd = m.rstd[c], size = rstd * r->param[0]->value[c], n = (double)m.rows;
        b[c] = (float)(-size * rstd * rstd * m.sum[m.c + c] / n);
        s[c] = (float)(-size * m.sum[c] / n);
        r->param[0]->grad[c] += (float)(rstd * m.sum[m.c + c]);
        r->param[1]->grad[c] += (float)m.sum[c];
    }
    op_batchnorm_repeat_line(&m, b);
    op_batchnorm_repeat_line(&m, s);
    if (r->dx[0] || r->dother)
        rt_parallel_for(r->parallel, m.pieces, op_batchnorm_backward_piece, &m);
}

const struct rt_op rt_op_batchnorm = {
    .name = "batchnorm",
    .inputs = 1,
    .fuses_relu = true,
    .fuses_add = true,
    .unsaved_y = true,
    .dx_in_dy = true,
    .shape = op_batchnorm_shape,
    .saved_bytes = op_batchnorm_saved,
    .scratch = op_batchnorm_scratch,
    .forward = op_batchnorm_forward,
    .backward = op_batchnorm_backward,
};
