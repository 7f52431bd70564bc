/* SPDX-License-Identifier: MIT
 * graph_text: a network as text, one node a line, so that a model whose network no preset makes can keep it:
 *     conv2d 3.Conv in=2 units=16 kernel=3,3 pad=1,1 bias=1
 * op, name, numbers of the nodes it reads, and of its attributes those that are not 0. Text is read
 * as it may come from outside: every number has a range, and the ops check what they are given. */
#include "stages/nn/graph.h"

#include "formats/file.h"
#include "stages/nn/op.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE 1024
#define NODES_MAX (1 << 16)

/* ---- attributes by name ----
 * Text rather than a binary form or the ONNX file itself: it is a metadata string of a safetensors
 * file, a person can read and compare it, and it holds no weights, which lie beside it under the
 * nodes' names. An attribute that is added later is a row here, and old files, which lack it, get
 * 0, its default. */

enum kind { WHOLE, REAL, FLAG };

/* An attribute: where it lies, how many numbers, and the largest size of a whole one. */
struct field {
    const char *key;
    size_t offset;
    enum kind kind;
    int count, most;
};

#define FIELD(name, kind, count, most) {#name, offsetof(struct rt_attr, name), kind, count, most}
static const struct field fields[] = {
    FIELD(units, WHOLE, 1, 1 << 20),    FIELD(kernel, WHOLE, 2, 4096),
    FIELD(stride, WHOLE, 2, 4096),      FIELD(pad, WHOLE, 2, 1 << 20),
    FIELD(dilation, WHOLE, 2, 4096),    FIELD(groups, WHOLE, 1, 1 << 20),
    FIELD(buckets, WHOLE, 1, INT_MAX),  FIELD(rate, REAL, 1, 0),
    FIELD(epsilon, REAL, 1, 0),         FIELD(bias, FLAG, 1, 1),
    FIELD(frozen, FLAG, 1, 1),          FIELD(number, REAL, 2, 0),
    FIELD(order, WHOLE, RT_NODE_RANK, RT_NODE_RANK),
    FIELD(axis, WHOLE, 1, RT_NODE_RANK), FIELD(axes, WHOLE, 1, RT_NODE_RANK),
    FIELD(begin, WHOLE, 1, 1 << 28),    FIELD(step, WHOLE, 1, 1 << 28),
    FIELD(divisor, WHOLE, 1, 1 << 20),    FIELD(count, WHOLE, 1, 1 << 28),
    FIELD(transposed, FLAG, 1, 1),
};
#define FIELDS (int)(sizeof fields / sizeof *fields)

/* Names of ops and attributes as model files of before have them: still read, no longer written. */
static const struct {
    const char *was, *is;
} renamed[] = {{"take", "slice"}, {"share", "divisor"}, {"turned", "transposed"}};

static const char *graph_text_current_name(const char *name)
{
    for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++)
        if (strcmp(renamed[i].was, name) == 0)
            return renamed[i].is;
    return name;
}

/* ---- writing ----
 * Only what is not 0 is written, so a line says what is special about its node. Reals have nine
 * digits: they come back as the same float. */

static bool field_is_set(const struct field *f, const struct rt_attr *a)
{
    const char *at = (const char *)a + f->offset;
    if (f->kind == FLAG)
        return *(const bool *)at;
    for (int i = 0; i < f->count; i++)
        if (f->kind == WHOLE ? ((const int *)at)[i] != 0 : ((const float *)at)[i] != 0)
            return true;
    return false;
}

/* Comma between numbers, no blanks: a line is split at blanks. */
static void field_write(FILE *out, const struct field *f, const struct rt_attr *a)
{
    const char *at = (const char *)a + f->offset;
    for (int i = 0; i < f->count; i++) {
        fprintf(out, i ? "," : " %s=", f->key);
        if (f->kind == REAL)
            fprintf(out, "%.9g", (double)((const float *)at)[i]);
        else
            fprintf(out, "%d", f->kind == FLAG ? *(const bool *)at : ((const int *)at)[i]);
    }
}

static void graph_text_write_shape(FILE *out, const struct rt_shape *s)
{
    for (int i = 0; i < s->rank; i++)
        fprintf(out, i ? ",%d" : " shape=%d", s->dim[i]);
}

/* An input's shape stands where a reshape has its own: it is the one node without inputs to infer
 * it from. */
static void graph_text_write_node(FILE *out, const struct rt_node *n)
{
    const struct rt_op *op = rt_op_get(n->op);
    fprintf(out, "%s %s", op->name, n->name);
    for (int i = 0; i < n->inputs; i++)
        fprintf(out, i ? ",%d" : " in=%d", n->input[i]);
    if (op->functions)
        fprintf(out, " function=%s", op->functions[n->attr.function]);
    graph_text_write_shape(out, n->op == RT_OP_input ? &n->shape : &n->attr.shape);
    for (int i = 0; i < FIELDS; i++)
        if (field_is_set(&fields[i], &n->attr))
            field_write(out, &fields[i], &n->attr);
    fputc('\n', out);
}

/* Up to `nodes`: heads and projections behind them are made anew from settings. */
char *rt_graph_text(const struct rt_graph *g, int nodes)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (int i = 0; out && i < nodes; i++)
        graph_text_write_node(out, rt_graph_at(g, i));
    rt_memstream_close(out, &text);
    return text;
}

/* ---- reading ----
 * A model file comes from anywhere, so this is read as hostile: numbers have ranges that keep every
 * later product in 64 bits, a line has a longest length, words that are not known are refused and
 * not skipped. */

/* What one line says. */
struct line {
    const struct rt_op *op;
    enum rt_op_id id;
    char *name;
    int input[RT_NODE_INPUTS], inputs;
    struct rt_attr attr;
};

/* Numbers with commas between; how many, or -1. */
static int graph_text_whole_numbers(const char *text, int *to, int max, long most)
{
    int count = 0;
    for (;;) {
        char *end;
        long value = strtol(text, &end, 10);
        if (end == text || count == max || value > most || value < -most)
            return -1;
        to[count++] = (int)value;
        if (!*end)
            return count;
        if (*end != ',')
            return -1;
        text = end + 1;
    }
}

/* strtof reads "inf", which clip needs; NaN is refused, as no attribute means anything by it. */
static int graph_text_real_numbers(const char *text, float *to, int max)
{
    int count = 0;
    for (;;) {
        char *end;
        float value = strtof(text, &end);
        if (end == text || count == max || value != value)
            return -1;
        to[count++] = value;
        if (!*end)
            return count;
        if (*end != ',')
            return -1;
        text = end + 1;
    }
}

static bool graph_text_read_field(struct rt_attr *a, const char *key, const char *value)
{
    key = graph_text_current_name(key);
    for (int i = 0; i < FIELDS; i++) {
        const struct field *f = &fields[i];
        char *at = (char *)a + f->offset;
        int flag;
        if (strcmp(f->key, key) != 0)
            continue;
        if (f->kind == FLAG) {
            bool good = graph_text_whole_numbers(value, &flag, 1, 1) == 1 && flag >= 0;
            *(bool *)at = good && flag;
            return good;
        }
        return (f->kind == REAL
                    ? graph_text_real_numbers(value, (float *)at, f->count)
                    : graph_text_whole_numbers(value, (int *)at, f->count, f->most)) == f->count;
    }
    return false;
}

/* By name, so that a function's number may change from version to version. */
static bool graph_text_read_function(struct line *l, const char *value)
{
    for (int i = 0; l->op->functions && l->op->functions[i]; i++) {
        if (strcmp(l->op->functions[i], value) == 0) {
            l->attr.function = i;
            return true;
        }
    }
    return false;
}

static bool graph_text_read_pair(struct line *l, char *word)
{
    char *value = strchr(word, '=');
    if (!value)
        return false;
    *value++ = '\0';
    if (strcmp(word, "in") == 0) {
        l->inputs = graph_text_whole_numbers(value, l->input, RT_NODE_INPUTS, NODES_MAX);
        return l->inputs > 0;
    }
    if (strcmp(word, "shape") == 0) {
        l->attr.shape.rank =
            graph_text_whole_numbers(value, l->attr.shape.dim, RT_NODE_RANK, INT_MAX);
        return l->attr.shape.rank > 0;
    }
    return strcmp(word, "function") == 0 ? graph_text_read_function(l, value)
                                         : graph_text_read_field(&l->attr, word, value);
}

/* Inputs and bags have functions of their own, as they have no inputs to check. */
static int graph_text_add_line(struct rt_graph *g, const struct line *l, struct rt_error *e)
{
    int node = l->id == RT_OP_input ? rt_graph_input(g, l->name, l->attr.shape)
               : l->id == RT_OP_bag ? rt_graph_bag(g, l->name, l->attr.buckets)
                                    : rt_graph_node(g, l->id, l->name, l->input, l->inputs,
                                                    &l->attr, e);
    if (node < 0 && (l->id == RT_OP_input || l->id == RT_OP_bag))
        return rt_error_set(e, node, "network: its input has no fitting shape");
    return node < 0 ? node : 0;
}

/* Words in any order after the name; each at its last value, if twice. */
static int graph_text_read_line(struct rt_graph *g, char *text, int number, struct rt_error *e)
{
    struct line l = {0};
    char *rest = text, *op = strsep(&rest, " "), *word = NULL;
    const char *name = graph_text_current_name(op);
    l.name = strsep(&rest, " ");
    for (int i = 0; i < RT_OPS && !l.op; i++) {
        l.id = (enum rt_op_id)i;
        l.op = strcmp(rt_op_get(l.id)->name, name) == 0 ? rt_op_get(l.id) : NULL;
    }
    if (!l.op || !l.name)
        return rt_error_set(e, RT_EFORMAT, "network: line %d: there is no op \"%.40s\"", number, op);
    while ((word = strsep(&rest, " ")))
        if (!graph_text_read_pair(&l, word))
            return rt_error_set(e, RT_EFORMAT, "network: line %d: node \"%.40s\": \"%.40s\" is unknown "
                                "or out of range", number, l.name, word);
    int err = graph_text_add_line(g, &l, e);
    if (err)
        rt_error_prefix(e, "line %d", number);
    return err;
}

/* A line is copied out, since reading cuts it up; its length is bounded, so the copy is on the
 * stack. */
int rt_graph_parse(struct rt_graph *g, const char *text, struct rt_error *e)
{
    int err = 0, number = 1;
    for (; *text && !err; number++) {
        char line[LINE];
        size_t size = strcspn(text, "\n");
        if (size >= sizeof line || number > NODES_MAX)
            return rt_error_set(e, RT_EFORMAT, "network: line %d is too long, or one too many", number);
        memcpy(line, text, size);
        line[size] = '\0';
        text += size + (text[size] == '\n');
        err = graph_text_read_line(g, line, number, e);
    }
    return err;
}
