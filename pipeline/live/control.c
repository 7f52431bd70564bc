/* SPDX-License-Identifier: MIT
 * control: see control.h: batches, steps, pace. */
#include "pipeline/live/control_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SAVE_REST 100 /* times as long as a checkpoint took that was asked for, before the next one */
#define POLL_NS UINT64_C(50000000) /* how soon a paused run notices a signal */

int rt_control_create(struct rt_control **out, const struct rt_recipe *start)
{
    struct rt_control *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c)
        return RT_EMEM;
    if (uv_mutex_init(&c->lock) != 0) {
        free(c);
        return RT_EMEM;
    }
    if (uv_cond_init(&c->wake) != 0) {
        uv_mutex_destroy(&c->lock);
        free(c);
        return RT_EMEM;
    }
    c->start = c->now = c->ahead = c->begun = *start;
    c->next = 1;
    c->until = INT64_MAX;
    *out = c;
    return 0;
}

void rt_control_destroy(struct rt_control *c)
{
    if (!c)
        return;
    for (int i = 0; i < c->count; i++)
        free(c->pending[i].value);
    free(c->pending);
    free(c->save);
    free(c->news);
    rt_control_forget(c);
    rt_override_fini(&c->override);
    rt_override_fini(&c->override_ahead);
    uv_cond_destroy(&c->wake);
    uv_mutex_destroy(&c->lock);
    free(c);
}

void rt_control_host(struct rt_control *c, const struct rt_control_host *host)
{
    c->host = *host;
}

const struct rt_recipe *rt_control_settings(const struct rt_control *c)
{
    return &c->now;
}

/* ---- batches ----
 * A setting of effect BATCH is read where a batch is made, some steps before its update, on another
 * thread. So its change is for the first update not yet handed out, and a decoder asks for the
 * settings of the batch's own update: `begun` and the changes up to it. How far ahead decoders are
 * then changes nothing. */

void rt_control_hand_out(struct rt_control *c, int64_t step)
{
    uv_mutex_lock(&c->lock);
    c->handed = step;
    rt_control_look_ahead(c);
    uv_mutex_unlock(&c->lock);
}

bool rt_control_may_hand_out(struct rt_control *c, int64_t step)
{
    uv_mutex_lock(&c->lock);
    bool may = !c->shared || step < c->next + RT_CONTROL_LEAD;
    uv_mutex_unlock(&c->lock);
    return may;
}

void rt_control_share(struct rt_control *c)
{
    uv_mutex_lock(&c->lock);
    c->shared = true;
    for (int i = 0; i < c->count; i++)
        c->pending[i].told = true;
    uv_mutex_unlock(&c->lock);
}

const char *rt_control_news(const struct rt_control *c)
{
    return c->news;
}

void rt_control_batch(struct rt_control *c, int64_t step, struct rt_recipe *r)
{
    uv_mutex_lock(&c->lock);
    rt_recipe_take(r, &c->begun, RT_EFFECT_BATCH);
    for (int i = 0; i < c->count && c->pending[i].step <= step; i++) {
        const struct rt_control_change *w = &c->pending[i];
        if (w->key && w->key->effect == RT_EFFECT_BATCH)
            rt_recipe_put(r, w->key, w->value, NULL, NULL);
    }
    uv_mutex_unlock(&c->lock);
}

/* ---- a step ----
 * The student calls once for each update and gets all that is due: settings, states of samples, a
 * pause, a checkpoint, the end. Changes are applied outside the lock, on the student's thread: they
 * write the journal, which may wait for the disk, and who asks something meanwhile should not wait
 * with it. A change that was fine when planned can clash with one that came later; then the run
 * ends with an error rather than go on without it, since a journal that cannot be followed is not
 * this run's. */

/* Under the lock: is a checkpoint of the state before c->next asked for? Forgets it, and older ones. */
static int control_take_save(struct rt_control *c)
{
    int kept = 0, found = 0;
    for (int i = 0; i < c->saves; i++) {
        found |= c->save[i] == c->next - 1;
        if (c->save[i] >= c->next)
            c->save[kept++] = c->save[i];
    }
    c->saves = kept;
    return found;
}

/* Under the lock: until the update may begin. */
static int control_wait_for_leave(struct rt_control *c, struct rt_error *e)
{
    while (c->next <= c->until) {
        if (control_take_save(c))
            return RT_CONTROL_SAVE;
        if (c->note) {
            c->note = false;
            return RT_CONTROL_NOTE;
        }
        if (!c->paused)
            return 0;
        if (c->allowed > 0) {
            c->allowed--;
            return 0;
        }
        if (c->host.stopping && c->host.stopping(c->host.self))
            break;
        uv_cond_timedwait(&c->wake, &c->lock, POLL_NS);
    }
    return rt_error_set(e, RT_ESTOPPED, "stopped before step %" PRId64, c->next);
}

/* They are taken out of the list under the lock and applied outside of it: while they are applied,
 * new ones may come, for the next update. */

/* Hands the changes due at c->next over to *due; their number. */
static int control_take_due(struct rt_control *c, struct rt_control_change **due,
                            struct rt_error *e)
{
    int n = 0;
    while (n < c->count && c->pending[n].step <= c->next)
        n++;
    *due = n ? malloc((size_t)n * sizeof **due) : NULL;
    if (n && !*due)
        return rt_error_set(e, RT_EMEM, "no memory for %d changes of settings", n);
    for (int i = 0; i < n; i++)
        if (c->pending[i].key)
            rt_recipe_put(&c->begun, c->pending[i].key, c->pending[i].value, NULL, NULL);
    if (n) {
        memcpy(*due, c->pending, (size_t)n * sizeof **due);
        memmove(c->pending, c->pending + n, (size_t)(c->count - n) * sizeof **due);
        c->count -= n;
    }
    return n;
}

static int control_apply_samples(struct rt_control *c, int64_t step,
                                 const struct rt_control_change *w,
                                 const struct rt_control_told *told, struct rt_error *e)
{
    int *row, n = rt_override_rows(&c->override, w->value, &row, e);
    char *before = n < 0 ? NULL : rt_override_text(&c->override, row, n);
    int rc = n < 0    ? n
             : before ? rt_override_assign(&c->override, w->value, e)
                      : rt_error_set(e, RT_EMEM, "no memory for a change of samples");
    if (rc == 0 && told && told->change)
        rc = told->change(told->self, step, w->who, RT_OVERRIDE_KEY, before, w->value, e);
    free(before);
    free(row);
    return rc;
}

static int control_apply(struct rt_control *c, int64_t step, const struct rt_control_change *w,
                         const struct rt_control_told *told, struct rt_error *e)
{
    char before[RT_RECIPE_TEXT], after[RT_RECIPE_TEXT];
    if (!w->key)
        return control_apply_samples(c, step, w, told, e);
    rt_recipe_get(&c->now, w->key, before, sizeof before);
    int rc = rt_recipe_put(&c->now, w->key, w->value, NULL, e);
    if (rc >= 0 && c->host.check)
        rc = c->host.check(c->host.self, &c->now, e);
    if (rc < 0) { /* planned, and then overtaken by another change: cannot be followed */
        rt_error_prefix(e, "step %" PRId64 ", change by %s", step, w->who);
        return rc;
    }
    rt_recipe_get(&c->now, w->key, after, sizeof after);
    return told && told->change
               ? told->change(told->self, step, w->who, w->key->name, before, after, e)
               : 0;
}

static int control_apply_all(struct rt_control *c, int64_t step, struct rt_control_change *due, int n,
                             const struct rt_control_told *told, struct rt_error *e)
{
    uint64_t began = uv_hrtime();
    int rc = 0;
    for (int i = 0; i < n; i++) {
        if (rc == 0)
            rc = control_apply(c, step, &due[i], told, e);
        free(due[i].value);
    }
    if (rc == 0 && n > 0 && told && told->changed)
        rc = told->changed(told->self, step, e);
    if (rc == 0 && n > 0 && c->host.changed)
        c->host.changed(c->host.self);
    if (n > 0)
        rt_control_charge(c, uv_hrtime() - began);
    return rc;
}

/* Under the lock: one that was asked for has been written. */
static void control_end_save(struct rt_control *c)
{
    uint64_t now = uv_hrtime(), took = c->save_began ? now - c->save_began : 0;
    if (now + SAVE_REST * took > c->save_ready)
        c->save_ready = now + SAVE_REST * took;
    if (!c->paused)
        c->spent += took;
    c->save_began = 0;
}

int rt_control_step(struct rt_control *c, int64_t step, const struct rt_control_told *told,
                    struct rt_error *e)
{
    struct rt_control_change *due = NULL;
    uint64_t began = uv_hrtime();
    uv_mutex_lock(&c->lock);
    control_end_save(c);
    c->spent += uv_hrtime() - began; /* who asks had the lock */
    c->next = step;
    rt_control_look_ahead(c);
    int n = control_wait_for_leave(c, e);
    int go = n == 0;
    if (go && c->shared) {
        free(c->news);
        c->news = rt_control_waiting(c, true);
    }
    if (go)
        n = control_take_due(c, &due, e);
    if (go && n >= 0) {
        c->next = step + 1;
        rt_control_look_ahead(c);
    }
    if (n == RT_CONTROL_SAVE && !go)
        c->save_began = uv_hrtime();
    uv_mutex_unlock(&c->lock);
    if (!go || n < 0)
        return n;
    int rc = control_apply_all(c, step, due, n, told, e);
    free(due);
    return rc;
}

/* ---- pace ----
 * A paused run waits on a condition, but only for 50 ms at a time: a signal sets the runner's flag
 * from outside and cannot wake it. Checkpoints asked for are kept by step, so that two who ask get
 * one. */

static void control_set_pace(struct rt_control *c, int paused, int64_t allowed)
{
    uv_mutex_lock(&c->lock);
    c->paused = paused;
    c->allowed = allowed;
    uv_cond_broadcast(&c->wake);
    uv_mutex_unlock(&c->lock);
}

void rt_control_pause(struct rt_control *c)
{
    control_set_pace(c, 1, 0);
}

void rt_control_resume(struct rt_control *c)
{
    control_set_pace(c, 0, 0);
}

void rt_control_allow(struct rt_control *c, int64_t updates)
{
    uv_mutex_lock(&c->lock);
    if (updates > 0 && c->allowed < INT64_MAX - updates)
        c->allowed += updates;
    uv_cond_broadcast(&c->wake);
    uv_mutex_unlock(&c->lock);
}

int rt_control_paused(struct rt_control *c)
{
    uv_mutex_lock(&c->lock);
    int paused = c->paused && c->allowed == 0;
    uv_mutex_unlock(&c->lock);
    return paused;
}

int64_t rt_control_checkpoint(struct rt_control *c, int64_t step)
{
    uv_mutex_lock(&c->lock);
    bool under_way = step < 0 && c->save_began; /* it is of this state */
    bool busy = step < 0 && !c->paused && !under_way && uv_hrtime() < c->save_ready;
    if (step < 0)
        step = c->next - 1;
    if (under_way || busy) {
        uv_mutex_unlock(&c->lock);
        return busy ? RT_EBUSY : step;
    }
    int known = 0;
    for (int i = 0; i < c->saves; i++)
        known |= c->save[i] == step;
    if (!known && c->saves == c->save_room) {
        int room = c->save_room ? 2 * c->save_room : 16;
        int64_t *more = realloc(c->save, (size_t)room * sizeof *more);
        if (more) {
            c->save = more;
            c->save_room = room;
        }
    }
    if (!known && c->saves == c->save_room)
        step = RT_EMEM;
    else if (!known)
        c->save[c->saves++] = step;
    uv_cond_broadcast(&c->wake);
    uv_mutex_unlock(&c->lock);
    return step;
}

void rt_control_until(struct rt_control *c, int64_t step)
{
    uv_mutex_lock(&c->lock);
    c->until = step;
    uv_cond_broadcast(&c->wake);
    uv_mutex_unlock(&c->lock);
}

void rt_control_stop(struct rt_control *c)
{
    if (c->host.stop)
        c->host.stop(c->host.self);
    rt_control_until(c, 0);
}

/* ---- what is noted, and what all this costs ---- */

void rt_control_note(struct rt_control *c)
{
    uv_mutex_lock(&c->lock);
    c->note = true;
    uv_cond_broadcast(&c->wake);
    uv_mutex_unlock(&c->lock);
}

/* What was asked costs the update that it is for; whoever asks is slowed down by it. */
void rt_control_charge(struct rt_control *c, uint64_t ns)
{
    uv_mutex_lock(&c->lock);
    c->spent += ns;
    uv_mutex_unlock(&c->lock);
}

uint64_t rt_control_spent(struct rt_control *c)
{
    uv_mutex_lock(&c->lock);
    uint64_t spent = c->spent;
    uv_mutex_unlock(&c->lock);
    return spent;
}
