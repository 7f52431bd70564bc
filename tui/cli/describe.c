/* SPDX-License-Identifier: MIT
 * describe: the rows that every kind of file has; see describe.h. */
#include "tui/cli/describe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *rt_describe_why(const struct rt_describe *d, const struct rt_error *e)
{
    size_t length = strlen(d->path);
    bool named = strncmp(e->text, d->path, length) == 0 && strncmp(e->text + length, ": ", 2) == 0;
    return e->text + (named ? length + 2 : 0);
}

void rt_describe_refused(const struct rt_describe *d, const struct rt_error *e)
{
    rt_card_text(d->card, "refused", rt_describe_why(d, e), rt_describe_why(d, e));
}

void rt_describe_output(struct rt_card *c, const char *name, const char *shape, const struct rt_tensor *t)
{
    double low = INFINITY, high = -INFINITY, sum = 0;
    int64_t wrong = 0, n = rt_tensor_count(t);
    char words[300];
    for (int64_t i = 0; i < n; i++) {
        double x = rt_tensor_element(t, i);
        wrong += !isfinite(x);
        low = x < low ? x : low;
        high = x > high ? x : high;
        sum += x;
    }
    snprintf(words, sizeof words, "%.80s %s, %.4g to %.4g, mean %.4g", name, shape, low, high, n ? sum / (double)n : 0);
    if (n == 0)
        snprintf(words, sizeof words, "%.80s %s, which is empty", name, shape);
    if (wrong)
        snprintf(words, sizeof words, "%.80s %s, %lld of %lld numbers are not finite", name, shape, (long long)wrong,
                 (long long)n);
    rt_card_open(c, NULL, '{');
    rt_card_text(c, "name", name, NULL);
    rt_card_text(c, "shape", shape, NULL);
    rt_card_number(c, "low", low, NULL);
    rt_card_number(c, "high", high, NULL);
    rt_card_number(c, "mean", n ? sum / (double)n : NAN, NULL);
    rt_card_number(c, "not finite", (double)wrong, NULL);
    rt_card_close(c, '}');
    if (!c->json)
        rt_card_text(c, "answer", words, words);
}
