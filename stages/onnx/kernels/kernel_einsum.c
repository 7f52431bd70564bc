/* SPDX-License-Identifier: MIT
 * kernel_einsum: Einsum of one to three tensors: the equation's letters are the dimensions of one walk, in which an
 * operand has a step of 0 for a letter that it lacks. No product of matrices is looked for: what exporters make
 * of attention are MatMuls, and an equation is rare and small. */
#include "stages/onnx/kernels/kernel.h"

#include <ctype.h>
#include <string.h>

#define OPERANDS (RT_WALK_OPERANDS - 1)
#define ELLIPSIS 64 /* letters of dimensions under "..." are those behind this, counted from the right */

/* ---- the equation ---- */

struct einsum {
    int letters, kept; /* all, and those of the output, which come first */
    int letter[RT_WALK_RANK];
    int64_t dim[RT_WALK_RANK];
    int64_t step[OPERANDS][RT_WALK_RANK];
};

/* Capitals come first, as in the order of an output that is not written out. */
static int einsum_letter(char c)
{
    return isupper((unsigned char)c) ? c - 'A' : c - 'a' + 32;
}

/* The letters of one operand of this rank. */
static int einsum_term(const struct rt_kernel_call *c, const char *text, size_t size, int rank, int *letter)
{
    int named = 0, n = 0;
    for (size_t i = 0; i < size; i++)
        named += isalpha((unsigned char)text[i]) != 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == ' ')
            continue;
        if (isalpha((unsigned char)text[i]) && n < rank) {
            letter[n++] = einsum_letter(text[i]);
            continue;
        }
        if (size - i < 3 || strncmp(text + i, "...", 3) != 0 || named > rank)
            return rt_kernel_refuse(c, RT_EMISMATCH, "'%.*s' does not fit an input of rank %d", (int)size, text, rank);
        for (int k = rank - named; k > 0; k--) /* counted from the right, as broadcasting lines up */
            letter[n++] = ELLIPSIS + k;
        i += 2;
    }
    if (n != rank)
        return rt_kernel_refuse(c, RT_EMISMATCH, "'%.*s' does not fit an input of rank %d", (int)size, text, rank);
    return 0;
}

static int einsum_find(const struct einsum *e, int letter)
{
    for (int i = 0; i < e->letters; i++)
        if (e->letter[i] == letter)
            return i;
    return -1;
}

static int einsum_add(const struct rt_kernel_call *c, struct einsum *e, int letter)
{
    if (e->letters == RT_WALK_RANK)
        return rt_kernel_refuse(c, RT_ELARGE, "more than %d letters", RT_WALK_RANK);
    e->letter[e->letters] = letter;
    e->dim[e->letters++] = 1;
    return 0;
}

/* The output's letters: behind "->", or those that stand once, in the order of the alphabet, behind "...". */
static int einsum_kept(const struct rt_kernel_call *c, struct einsum *e, const char *arrow, int count[2 * ELLIPSIS])
{
    int letter[RT_WALK_RANK], n = 0, under = 0;
    for (int i = ELLIPSIS; i < 2 * ELLIPSIS; i++)
        under += count[i] > 0;
    for (const char *p = arrow ? arrow + 2 : ""; *p; p++) {
        if (*p == '.' && p[1] == '.' && p[2] == '.') {
            for (int k = under; k > 0 && n < RT_WALK_RANK; k--)
                letter[n++] = ELLIPSIS + k;
            p += 2;
        } else if (*p != ' ' && n < RT_WALK_RANK) {
            if (!isalpha((unsigned char)*p) || count[einsum_letter(*p)] == 0)
                return rt_kernel_refuse(c, RT_EFORMAT, "'%c' stands in the output and in no input", *p);
            letter[n++] = einsum_letter(*p);
        }
    }
    for (int k = arrow ? 0 : under; k > 0 && n < RT_WALK_RANK; k--)
        letter[n++] = ELLIPSIS + k;
    for (int i = 0; i < ELLIPSIS && !arrow && n < RT_WALK_RANK; i++)
        if (count[i] == 1)
            letter[n++] = i;
    for (int i = 0; i < n; i++) {
        if (einsum_find(e, letter[i]) >= 0)
            return rt_kernel_refuse(c, RT_EFORMAT, "a letter stands twice in the output");
        RT_TRY(einsum_add(c, e, letter[i]));
    }
    e->kept = e->letters;
    return 0;
}

/* A letter that stands twice in an operand is its diagonal: the steps add up. */
static int einsum_operand(const struct rt_kernel_call *c, struct einsum *e, int k, const int *letter)
{
    const struct rt_tensor *x = c->in[k];
    for (int i = x->rank - 1; i >= 0; i--) {
        int at = einsum_find(e, letter[i]);
        if (at < 0) {
            RT_TRY(einsum_add(c, e, letter[i]));
            at = e->letters - 1;
        }
        bool stretched = x->dim[i] == 1 && letter[i] >= ELLIPSIS;
        if (!stretched && e->dim[at] != 1 && e->dim[at] != x->dim[i])
            return rt_kernel_refuse(c, RT_EMISMATCH, "input %d: dimension %d has %lld entries, elsewhere %lld", k, i,
                                    (long long)x->dim[i], (long long)e->dim[at]);
        e->dim[at] = stretched ? e->dim[at] : x->dim[i];
        e->step[k][at] += x->dim[i] == 1 ? 0 : rt_kernel_span(x, i + 1, x->rank);
    }
    return 0;
}

static int einsum_read(const struct rt_kernel_call *c, struct einsum *e)
{
    const char *text = rt_kernel_text(c, "equation", ""), *arrow = strstr(text, "->"), *p = text;
    int letter[OPERANDS][RT_TENSOR_RANK], count[2 * ELLIPSIS] = {0};
    memset(e, 0, sizeof *e);
    for (int k = 0; k < c->inputs; k++) {
        if ((c->in[k]->dtype != RT_F32 && c->in[k]->dtype != RT_F64) || c->in[k]->dtype != c->in[0]->dtype)
            return rt_kernel_refuse_type(c, k);
        size_t size = strcspn(p, ",-");
        RT_TRY(einsum_term(c, p, size, c->in[k]->rank, letter[k]));
        for (int i = 0; i < c->in[k]->rank; i++)
            count[letter[k][i]]++;
        p += size;
        if ((k + 1 < c->inputs) != (*p == ','))
            return rt_kernel_refuse(c, RT_EMISMATCH, "equation '%.60s' for %d inputs", text, c->inputs);
        p += *p == ',';
    }
    RT_TRY(einsum_kept(c, e, arrow, count));
    for (int k = 0; k < c->inputs; k++)
        RT_TRY(einsum_operand(c, e, k, letter[k]));
    return 0;
}

/* ---- the walk ----
 * Sums in double in scratch memory, in row-major order of the letters. */

static int einsum_shape(struct rt_kernel_call *c)
{
    struct einsum e;
    RT_TRY(einsum_read(c, &e));
    if (e.kept > RT_TENSOR_RANK)
        return rt_kernel_refuse(c, RT_ELARGE, "a result of rank %d", e.kept);
    RT_TRY(rt_kernel_out(c, 0, c->in[0]->dtype, e.kept, e.dim));
    c->scratch_bytes = (size_t)rt_tensor_count(c->out[0]) * sizeof(double);
    return 0;
}

struct product {
    const struct rt_tensor *x[OPERANDS];
    double *y;
    int operands;
};

static void einsum_row(void *self, int64_t n, const int64_t *at, const int64_t *step)
{
    const struct product *p = self;
    for (int64_t i = 0; i < n; i++) {
        double v = 1;
        for (int k = 0; k < p->operands; k++)
            v *= rt_tensor_element(p->x[k], at[k + 1] + i * step[k + 1]);
        p->y[at[0] + i * step[0]] += v;
    }
}

static int einsum_compute(struct rt_kernel_call *c)
{
    struct product p = {.y = c->scratch, .operands = c->inputs};
    int64_t count = rt_tensor_count(c->out[0]);
    struct einsum e;
    struct rt_walk w;
    RT_TRY(einsum_read(c, &e));
    memset(c->scratch, 0, c->scratch_bytes);
    rt_walk_init(&w, 1 + c->inputs, e.letters, e.dim);
    for (int i = 0; i < e.kept; i++)
        w.step[0][i] = e.dim[i] == 1 ? 0 : rt_kernel_span(c->out[0], i + 1, e.kept);
    for (int k = 0; k < c->inputs; k++) {
        memcpy(w.step[k + 1], e.step[k], sizeof e.step[k]);
        p.x[k] = c->in[k];
    }
    rt_walk_run(&w, einsum_row, &p);
    for (int64_t i = 0; i < count; i++)
        rt_kernel_put(c->out[0], i, p.y[i]);
    return 0;
}

const struct rt_kernel rt_kernel_einsum = {1, OPERANDS, 1, einsum_shape, einsum_compute, NULL, NULL};
