/* SPDX-License-Identifier: MIT
 * control_touch: changes of samples. A change is kept as the states its rows get, not as what was asked for: so it can
 * be repeated whatever the rows were before. */
#include "pipeline/live/control_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rt_control_samples(struct rt_control *c, int rows)
{
    rt_override_fini(&c->override);
    rt_override_fini(&c->override_ahead);
    RT_TRY(rt_override_init(&c->override, rows));
    return rt_override_init(&c->override_ahead, rows);
}

const struct rt_override *rt_control_override(const struct rt_control *c)
{
    return &c->override;
}

void rt_control_states(struct rt_control *c, int first, int count, float *factor, uint8_t *excluded)
{
    uv_mutex_lock(&c->lock);
    for (int i = 0; i < count; i++) {
        bool there = first + i < c->override_ahead.rows;
        factor[i] = there ? c->override_ahead.factor[first + i] : 1;
        excluded[i] = there ? c->override_ahead.excluded[first + i] : 0;
    }
    uv_mutex_unlock(&c->lock);
}

/* ---- samples ----
 * What was asked (`*0.5 where snr < 10`) depends on the rows at that time; what the rows become
 * does not. The second is what waits, goes into the journal and into the undo history; the words go
 * behind a '#', for people. */

static void row_touch(struct rt_override *h, int row, enum rt_touch touch, double factor)
{
    switch (touch) {
    case RT_TOUCH_SET: h->factor[row] = (float)factor; break;
    case RT_TOUCH_SCALE:
        h->factor[row] = (float)fmin(h->factor[row] * factor, RT_OVERRIDE_MOST);
        break;
    case RT_TOUCH_MUTE: h->factor[row] = 0; break;
    case RT_TOUCH_EXCLUDE: h->excluded[row] = 1; break;
    case RT_TOUCH_RESTORE:
        h->factor[row] = 1;
        h->excluded[row] = 0;
        break;
    }
}

int rt_control_touch(struct rt_control *c, const char *who, enum rt_touch touch, double factor,
                     const int *row, int count, const char *words, int64_t *at, struct rt_error *e)
{
    bool asks = touch == RT_TOUCH_SET || touch == RT_TOUCH_SCALE;
    RT_TRY(rt_control_check_who(who, e));
    if (asks && !(factor >= 0 && factor <= RT_OVERRIDE_MOST))
        return rt_error_set(e, RT_ERANGE, "a factor is from 0 to %.0f", RT_OVERRIDE_MOST);
    if (count < 1)
        return rt_error_set(e, RT_ERANGE, "no sample is meant");
    uv_mutex_lock(&c->lock);
    int rc = RT_EMEM;
    char *before = rt_override_text(&c->override_ahead, row, count), *text = NULL, *after = NULL;
    if (!before)
        goto fail;
    for (int i = 0; i < count; i++)
        row_touch(&c->override_ahead, row[i], touch, factor);
    text = rt_override_text(&c->override_ahead, row, count);
    after = text ? rt_control_with_words(text, words ? words : "") : NULL;
    free(text);
    if (after)
        rc = rt_control_insert(c, c->next, who, NULL, after, 1, e);
    if (rc < 0) {
        rt_override_assign(&c->override_ahead, before, NULL);
        goto fail;
    }
    if (at)
        *at = c->next;
    rt_control_remember(c, NULL, before, after);
    uv_mutex_unlock(&c->lock);
    return 0;
fail:
    if (!after)
        rt_error_set(e, rc, "no memory for a change of %d samples", count);
    free(before);
    free(after);
    uv_mutex_unlock(&c->lock);
    return rc;
}
