/* SPDX-License-Identifier: MIT
 * filter: the compiler and the matcher. A recursive-descent parser makes a tree, which is lowered
 * to a list of tests that each know where to go on yes and on no: matching a row is one loop, stops
 * at the first test that decides, and needs neither stack nor allocation. */
#include "pipeline/data/filter.h"
#include "formats/choice.h"
#include "formats/words.h"
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_HAS, OP_PRESENT };

static const struct {
    const char *sign;
    bool text, number; /* kinds it compares */
} operators[] = {
    [OP_EQ] = {"=", true, true},   [OP_NE] = {"!=", true, true},    [OP_LT] = {"<", false, true},
    [OP_LE] = {"<=", false, true}, [OP_GT] = {">", false, true},    [OP_GE] = {">=", false, true},
    [OP_HAS] = {"~", true, false}, [OP_PRESENT] = {"", true, true},
};

enum { ACCEPT = -1, REJECT = -2 }; /* where a test may lead besides the next test */

struct test {
    enum op op;
    bool is_text;
    int column;
    double number;
    const char *text;
    int yes, no;
};

struct rt_filter {
    struct test test[RT_FILTER_TESTS];
    int tests, first;
    char *words; /* the expression's tokens, unescaped; test.text points here */
};

/* ---- tokens ----
 * An expression comes from a person, so every message says at which character it went wrong; bytes
 * that continue a UTF-8 sequence are not counted, as the person does not see them either. Tokens
 * are copied into one block of twice the expression's length: each with its end cannot be longer,
 * so nothing is allocated for a token. */

enum token_kind { T_END, T_WORD, T_QUOTED, T_OPERATOR, T_OPEN, T_CLOSE };

struct token {
    enum token_kind kind;
    const char *text; /* in rt_filter.words, or a constant */
    int at;           /* its first character, counted from 1 */
};

/* A branch joins two nodes; a leaf is a test. */
enum node_kind { N_TEST, N_AND, N_OR };
struct node {
    enum node_kind kind;
    bool negated;
    int left, right; /* N_TEST: left is the test */
};

struct parser {
    const char *from;   /* what is not yet read */
    int character;      /* number of *from */
    char *words_end;    /* where the next token goes */
    struct token token; /* the one to look at */
    const struct rt_filter_column *column;
    int columns, depth;
    struct rt_filter *f;
    struct node node[2 * RT_FILTER_TESTS];
    int nodes;
    struct rt_error *e;
};

static bool char_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Moves on by one byte, counting characters, not bytes. */
static char parser_step(struct parser *p)
{
    char c = *p->from++;
    p->character += ((unsigned char)c & 0xC0) != 0x80;
    return c;
}

static int token_quoted(struct parser *p)
{
    char mark = parser_step(p);
    p->token.kind = T_QUOTED;
    while (*p->from != mark) {
        if (*p->from == '\\')
            parser_step(p);
        if (!*p->from)
            return rt_error_set(p->e, RT_EUSAGE, "character %d: the quote %c is not closed",
                                p->token.at, mark);
        *p->words_end++ = parser_step(p);
    }
    parser_step(p);
    *p->words_end++ = '\0';
    return 0;
}

/* A run of bytes out of set, or with in = false of bytes outside it. */
static void token_run(struct parser *p, enum token_kind kind, const char *set, bool in)
{
    p->token.kind = kind;
    while (*p->from && (strchr(set, *p->from) != NULL) == in)
        *p->words_end++ = parser_step(p);
    *p->words_end++ = '\0';
}

/* Reads the next token into p->token. */
static int token_next(struct parser *p)
{
    while (char_is_space(*p->from))
        parser_step(p);
    p->token = (struct token){.text = p->words_end, .at = p->character};
    char c = *p->from;
    if (c == '"' || c == '\'')
        return token_quoted(p);
    if (c && strchr("=!<>~", c))
        token_run(p, T_OPERATOR, "=!<>~", true);
    else if (c && !strchr("()", c))
        token_run(p, T_WORD, " \t\n\r\"'()=!<>~", false);
    else if (c) {
        p->token.kind = parser_step(p) == '(' ? T_OPEN : T_CLOSE;
        p->token.text = c == '(' ? "(" : ")";
    } else {
        p->token.kind = T_END;
        p->token.text = "";
    }
    return 0;
}

static bool token_is(const struct parser *p, const char *word)
{
    return p->token.kind == T_WORD && !strcasecmp(p->token.text, word);
}

static bool token_is_reserved(const struct parser *p)
{
    return token_is(p, "and") || token_is(p, "or") || token_is(p, "not");
}

/* Says what stands at the token and what should. */
static int token_expected(struct parser *p, const char *what)
{
    char quoted[RT_QUOTE];
    if (p->token.kind == T_END)
        return rt_error_set(p->e, RT_EUSAGE, "character %d: it ends here; expected %s", p->token.at,
                            what);
    return rt_error_set(p->e, RT_EUSAGE, "character %d: found %s; expected %s", p->token.at,
                        rt_quote(quoted, sizeof quoted, p->token.text), what);
}

/* ---- one comparison ----
 * Columns are known before the text is read, so a wrong name, an operator that does not fit the
 * kind of column and a number that is none are refused here, with a near name where there is one,
 * and matching can no longer fail. */

/* Finds the column the token names. */
static int token_column(struct parser *p, int *column)
{
    char hint[96], quoted[RT_QUOTE], known[600] = "";
    struct rt_nearest near = {.word = p->token.text};
    for (*column = 0; *column < p->columns; (*column)++) {
        if (!strcmp(p->column[*column].name, p->token.text))
            return 0;
        rt_nearest_offer(&near, p->column[*column].name);
        rt_list_add(known, sizeof known, p->column[*column].name);
    }
    rt_quote(quoted, sizeof quoted, p->token.text);
    if (*near.best || !*known)
        return rt_error_set(p->e, RT_EUSAGE, "character %d: there is no column %s%s", p->token.at, quoted,
                            rt_nearest_hint(&near, hint, sizeof hint));
    return rt_error_set(p->e, RT_EUSAGE, "character %d: there is no column %s; there are: %s", p->token.at, quoted,
                        known);
}

static int test_read_operator(struct parser *p, struct test *t, const char *name)
{
    char quoted[RT_QUOTE];
    for (t->op = OP_EQ; t->op < OP_PRESENT; t->op++)
        if (!strcmp(operators[t->op].sign, p->token.text))
            break;
    if (t->op == OP_PRESENT)
        return token_expected(p, "one of the operators = != < <= > >= ~");
    rt_quote(quoted, sizeof quoted, name);
    if (t->is_text && !operators[t->op].text)
        return rt_error_set(p->e, RT_EUSAGE,
                            "character %d: column %s is text; expected one of the operators = != ~",
                            p->token.at, quoted);
    if (!t->is_text && !operators[t->op].number)
        return rt_error_set(p->e, RT_EUSAGE,
                            "character %d: column %s is a number; expected one of "
                            "the operators = != < <= > >=",
                            p->token.at, quoted);
    return token_next(p);
}

static int test_read_value(struct parser *p, struct test *t, const char *name)
{
    char quoted[RT_QUOTE], column[RT_QUOTE];
    if ((p->token.kind != T_WORD && p->token.kind != T_QUOTED) || token_is_reserved(p))
        return token_expected(p, t->is_text ? "a word, or text in quotes" : "a number");
    t->text = p->token.text;
    if (!t->is_text) {
        char *end;
        t->number = strtod(t->text, &end);
        if (end == t->text || *end || t->text[strspn(t->text, "+-.0123456789eE")])
            return rt_error_set(p->e, RT_EUSAGE,
                                "character %d: %s is no number, and column %s is compared with "
                                "numbers; write it without a unit%s",
                                p->token.at, rt_quote(quoted, sizeof quoted, t->text),
                                rt_quote(column, sizeof column, name),
                                *t->text ? "" : " (`not COLUMN` finds the rows that lack one)");
    }
    return token_next(p);
}

/* `label = predicted` would look for the class "predicted" and find none, or, with !=, everything. The two columns of
 * classes are what people compare with each other; other columns' names do stand as words (`modality = speech`). */
static int value_refuse_column(const struct parser *p, const char *name, const struct token *value)
{
    static const char *const classes[] = {"label", "predicted", NULL};
    if (value->kind != T_WORD || rt_choice_find(classes, name) < 0 || rt_choice_find(classes, value->text) < 0)
        return 0;
    return rt_error_set(p->e, RT_EUSAGE, "character %d: %s is a column, and columns are compared with words: `correct "
                        "= 0` finds the wrong answers; the word itself stands in quotes", value->at, value->text);
}

static int node_add(struct parser *p, enum node_kind kind, int left, int right)
{
    p->node[p->nodes] = (struct node){kind, false, left, right};
    return p->nodes++;
}

static int parser_test(struct parser *p, int *node)
{
    if ((p->token.kind != T_WORD && p->token.kind != T_QUOTED) || token_is_reserved(p))
        return token_expected(p, "a column, not or (");
    if (p->f->tests == RT_FILTER_TESTS)
        return rt_error_set(p->e, RT_EUSAGE, "character %d: more than %d comparisons", p->token.at,
                            RT_FILTER_TESTS);
    struct test *t = &p->f->test[p->f->tests];
    const char *name = p->token.text;
    RT_TRY(token_column(p, &t->column));
    t->is_text = p->column[t->column].is_text;
    t->op = OP_PRESENT;
    RT_TRY(token_next(p));
    if (p->token.kind == T_OPERATOR) {
        RT_TRY(test_read_operator(p, t, name));
        RT_TRY(value_refuse_column(p, name, &p->token));
        RT_TRY(test_read_value(p, t, name));
    }
    *node = node_add(p, N_TEST, p->f->tests++, 0);
    return 0;
}

/* ---- the whole ----
 * `or` binds weakest, then `and`, then `not` and brackets, as everywhere. Depth and number of
 * comparisons are bounded: recursion goes as deep as brackets do. The tree is then lowered to
 * jumps, because a filter is asked a million times for the screen's list and should stop at the
 * first test that decides. */

static int parser_or(struct parser *p, int *node);

static int parser_operand(struct parser *p, int *node)
{
    bool negated = token_is(p, "not");
    if (!negated && p->token.kind != T_OPEN)
        return parser_test(p, node);
    if (p->depth++ == RT_FILTER_DEPTH)
        return rt_error_set(p->e, RT_EUSAGE, "character %d: nested deeper than %d", p->token.at,
                            RT_FILTER_DEPTH);
    int open = p->token.at;
    RT_TRY(token_next(p));
    RT_TRY(negated ? parser_operand(p, node) : parser_or(p, node));
    p->depth--;
    if (negated) {
        p->node[*node].negated = !p->node[*node].negated;
        return 0;
    }
    char what[80];
    snprintf(what, sizeof what, "and, or, or the ) that closes character %d", open);
    return p->token.kind == T_CLOSE ? token_next(p) : token_expected(p, what);
}

/* one { word one }: the shape that `and` and `or` share. */
static int parser_chain(struct parser *p, int *node, const char *word, enum node_kind kind,
                        int (*one)(struct parser *p, int *node))
{
    RT_TRY(one(p, node));
    while (token_is(p, word)) {
        int right = 0;
        RT_TRY(token_next(p));
        RT_TRY(one(p, &right));
        *node = node_add(p, kind, *node, right);
    }
    return 0;
}

static int parser_and(struct parser *p, int *node)
{
    return parser_chain(p, node, "and", N_AND, parser_operand);
}

static int parser_or(struct parser *p, int *node)
{
    return parser_chain(p, node, "or", N_OR, parser_and);
}

/* Sets where the tests below node lead, and returns the one to start with. A chain leans to the
 * left, so this goes as deep as there are comparisons: RT_FILTER_TESTS at most. */
static int node_lower(struct parser *p, int at, int yes, int no);

static int node_lower_plain(struct parser *p, const struct node *n, int yes, int no)
{
    if (n->kind == N_AND)
        return node_lower(p, n->left, node_lower(p, n->right, yes, no), no);
    if (n->kind == N_OR)
        return node_lower(p, n->left, yes, node_lower(p, n->right, yes, no));
    p->f->test[n->left].yes = yes;
    p->f->test[n->left].no = no;
    return n->left;
}

static int node_lower(struct parser *p, int at, int yes, int no)
{
    const struct node *n = &p->node[at];
    if (n->negated)
        return node_lower_plain(p, n, no, yes);
    return node_lower_plain(p, n, yes, no);
}

static int filter_compile(struct parser *p)
{
    int root = 0;
    RT_TRY(token_next(p));
    if (p->token.kind == T_END)
        return rt_error_set(p->e, RT_EUSAGE, "character 1: empty; expected a condition such as %s",
                            "snr < 10 and label = animals");
    RT_TRY(parser_or(p, &root));
    if (p->token.kind == T_WORD)
        return token_expected(
            p, "and, or, or the end; a number has no unit, several words need quotes");
    if (p->token.kind != T_END)
        return token_expected(p, "and, or, or the end");
    p->f->first = node_lower(p, root, ACCEPT, REJECT);
    return 0;
}

int rt_filter_create(struct rt_filter **out, const char *where,
                     const struct rt_filter_column *column, int columns, struct rt_error *e)
{
    int code = RT_EMEM;
    size_t size = strlen(where);
    *out = NULL;
    if (size > RT_FILTER_BYTES)
        return rt_error_set(e, RT_EUSAGE, "character %d: longer than %d bytes", RT_FILTER_BYTES,
                            RT_FILTER_BYTES);
    struct rt_filter *f = calloc(1, sizeof *f);
    struct parser *p = calloc(1, sizeof *p);
    if (f && p)
        f->words = malloc(2 * size + 1); /* every token and its NUL */
    if (f && f->words) {
        p->from = where;
        p->character = 1;
        p->words_end = f->words;
        p->column = column;
        p->columns = columns;
        p->f = f;
        p->e = e;
        code = filter_compile(p);
    } else {
        rt_error_set(e, code, "out of memory for a filter of %zu bytes", size);
    }
    free(p);
    if (code)
        rt_filter_destroy(f);
    else
        *out = f;
    return code;
}

void rt_filter_destroy(struct rt_filter *f)
{
    if (!f)
        return;
    free(f->words);
    free(f);
}

/* ---- matching ----
 * A cell without a number (NaN) matches no comparison, not even !=: who asks for `snr != 20` means
 * samples that have an snr; `not (snr = 20)` finds both. An empty text is a text like any other:
 * `label != cat` finds samples without a label. Numbers are compared as floats, which is what
 * columns hold, so that a value copied from a table finds its row. */

static bool test_match_number(const struct test *t, double value)
{
    float v = (float)value, wanted = (float)t->number;
    switch (t->op) {
    case OP_EQ:
        return v == wanted;
    case OP_NE:
        return v < wanted || v > wanted; /* false for NaN */
    case OP_LT:
        return v < wanted;
    case OP_LE:
        return v <= wanted;
    case OP_GT:
        return v > wanted;
    case OP_GE:
        return v >= wanted;
    default:
        return !isnan(v);
    }
}

static bool test_match_text(const struct test *t, const char *v)
{
    if (!v)
        v = "";
    switch (t->op) {
    case OP_EQ:
        return !strcmp(v, t->text);
    case OP_NE:
        return strcmp(v, t->text) != 0;
    case OP_HAS:
        return strstr(v, t->text) != NULL;
    default:
        return *v != '\0';
    }
}

bool rt_filter_match(const struct rt_filter *f, const struct rt_filter_source *source, int row)
{
    int at = f->first;
    while (at >= 0) {
        const struct test *t = &f->test[at];
        bool yes = t->is_text ? test_match_text(t, source->text(source->user, row, t->column))
                              : test_match_number(t, source->number(source->user, row, t->column));
        at = yes ? t->yes : t->no;
    }
    return at == ACCEPT;
}
