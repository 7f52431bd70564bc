/* SPDX-License-Identifier: MIT
 * weight_terms: see weight_terms.h. */
#include "stages/distill/weight_terms.h"

#include <stdio.h>
#include <string.h>

const struct rt_weight_term rt_weight_terms[RT_WEIGHT_TERMS] = {
#define RT_WEIGHT_TERM(name, needs, bad, good, words) {#name, words, needs, {{{bad, good}, {0, 0}}}},
#include "stages/distill/weight_terms.def"
#undef RT_WEIGHT_TERM
};

/* ---- one word ----
 * A word is looked for among the measures first: their names are the data's, and no term of the teacher's
 * may hide one. */

static bool word_is(const char *word, size_t length, const char *name)
{
    return strlen(name) == length && memcmp(word, name, length) == 0;
}

/* A label is a sample's matter, not the teacher's: without one the term says nothing of that sample. */
static bool weight_term_is_had(const struct rt_weight_term *t, unsigned teacher)
{
    return (t->needs & ~(teacher | RT_NEEDS_LABEL)) == 0;
}

static int weight_word_unknown(const char *setting, const char *word, size_t length,
                               const struct rt_weight_source *have, struct rt_error *e)
{
    char known[800] = "";
    size_t at = 0;

    for (int i = 0; i < have->measures + RT_WEIGHT_TERMS && at < sizeof known; i++) {
        int own = i - have->measures;
        if (own < 0 || weight_term_is_had(&rt_weight_terms[own], have->teacher))
            at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", at ? ", " : "",
                                   own < 0 ? have->measure[i] : rt_weight_terms[own].name);
    }
    return rt_error_set(e, RT_EUSAGE, "%s: '%.*s' is not measured here: take of %s; see retort inspect "
                        "--measures", setting, (int)length, word, *known ? known : "none");
}

static int weight_word_read(const char *setting, const char *word, size_t length,
                            const struct rt_weight_source *have, int *column, struct rt_error *e)
{
    for (int i = 0; i < have->measures; i++)
        if (word_is(word, length, have->measure[i])) {
            *column = i;
            return 0;
        }
    for (int i = 0; i < RT_WEIGHT_TERMS && have->teacher; i++) {
        if (!word_is(word, length, rt_weight_terms[i].name))
            continue;
        *column = RT_WEIGHT_OF(i);
        if (weight_term_is_had(&rt_weight_terms[i], have->teacher))
            return 0;
        return rt_error_set(e, RT_EMISMATCH, "%s: '%s' needs %s", setting, rt_weight_terms[i].name,
                            have->teacher & RT_NEEDS_T_LOGITS
                                ? "a teacher with the data set's classes"
                                : "the teacher's classifier, and it has none (teacher.logits: none)");
    }
    return weight_word_unknown(setting, word, length, have, e);
}

/* ---- the list ---- */

int rt_weight_terms_read(const char *setting, const char *text, const struct rt_weight_source *have,
                         struct rt_weight_columns *out, struct rt_error *e)
{
    int first = 0;

    out->count = 0;
    for (const char *at = text + strspn(text, ", "); *at && out->count < RT_WEIGHT_COLUMNS;) {
        size_t length = strcspn(at, ", ");
        int rc = weight_word_read(setting, at, length, have, &out->column[out->count], first ? NULL : e);
        if (rc == 0)
            out->count++;
        else if (first == 0)
            first = rc;
        at += length;
        at += strspn(at, ", ");
    }
    return first;
}
