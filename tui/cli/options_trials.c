/* SPDX-License-Identifier: MIT
 * options_trials: see options_trials.h; what has a form of its own. */
#include "tui/cli/options_trials.h"

#include <stdlib.h>
#include <string.h>

/* "0.01,0.05" */
int rt_take_priors(void *field, const char *value, struct rt_error *e)
{
    struct rt_prior_list *list = field;
    const char *at = value;
    list->count = 0;
    for (char *end; *at && list->count < RT_PRIORS; at = *end == ',' ? end + 1 : end) {
        double p = strtod(at, &end);
        if (end == at || !(p > 0 && p < 1) || (*end && *end != ','))
            return rt_error_set(e, RT_EUSAGE, "a number between 0 and 1, or several with commas");
        list->p[list->count++] = p;
    }
    return *at ? rt_error_set(e, RT_EUSAGE, "at most %d numbers", RT_PRIORS)
               : list->count ? 0 : rt_error_set(e, RT_EUSAGE, "a number between 0 and 1");
}

const char *rt_scoring_input_word(int i)
{
    return rt_scoring_input_names[i];
}

/* "duration,norm" */
int rt_take_scoring_inputs(void *field, const char *value, struct rt_error *e)
{
    bool *by = field;
    for (const char *at = value; *at;) {
        size_t n = strcspn(at, ",");
        int k = 0;
        while (k < RT_SCORING_INPUTS && (strlen(rt_scoring_input_names[k]) != n ||
                                         strncmp(rt_scoring_input_names[k], at, n) != 0))
            k++;
        if (k == RT_SCORING_INPUTS)
            return rt_error_set(e, RT_EUSAGE, "some of duration, norm, quality, with commas");
        by[k] = true;
        at += n + (at[n] == ',');
    }
    return 0;
}
