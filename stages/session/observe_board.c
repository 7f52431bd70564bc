/* SPDX-License-Identifier: MIT
 * observe_board: where the run is. On the board it is a copy in memory, cheap enough for each step; in run.db it is
 * written once a second, in one commit with all that was recorded since, for a screen that only reads the folder. */
#include "stages/session/observers.h"
#include "stages/session/step_metrics.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#define STAGES_NS UINT64_C(1000000000)

static int board_on_step(void *self, const struct rt_step_report *p, struct rt_error *e)
{
    struct rt_observe_board *o = self;
    struct rt_step_value value[RT_STEP_VALUES];
    struct rt_status s = {
        .step = p->step, .steps = rt_learner_progress(o->record->student->learner).steps, .epoch = p->epoch + 1,
        .epochs = rt_record_epochs(o->record),
    };
    int n = rt_step_values(p, value);
    (void)e;
    for (int i = 0; i < n; i++)
        if (value[i].status)
            rt_status_add(&s, value[i].name, value[i].value);
    rt_status_add(&s, "valid.top1", o->top1);
    rt_status_add(&s, "valid.eer", o->eer);
    rt_board_put(o->board, &s);
    return 0;
}

static int board_on_evaluation(void *self, const struct rt_eval_report *p, struct rt_error *e)
{
    struct rt_observe_board *o = self;
    (void)e;
    o->top1 = p->top1[p->answer];
    o->eer = p->eer;
    return 0;
}

/* What is not kept is made again in each epoch, and nobody would guess why. */
static void stage_note_full(const struct rt_store *store, const char *setting, char *text, size_t size)
{
    size_t at = strlen(text);
    if (store && rt_store_full(store) && !strstr(text, "cache is full"))
        snprintf(text + at, size - at, "%sits cache is full (%s)", at ? "; " : "", setting);
}

/* What else there is to say about a stage. */
static void stage_note(const struct rt_observe_board *o, const char *stage, char *text, size_t size)
{
    uint64_t hits = 0, misses = 0, bytes = 0;
    int left = o->record->session->left_count;
    *text = '\0';
    if (strcmp(stage, rt_stage_decode.name) == 0 && left)
        snprintf(text, size, "%d samples left out", left);
    for (int m = 0; m < RT_MODALITIES; m++)
        if (strcmp(stage, rt_stage_decode.name) == 0)
            stage_note_full(o->record->session->features[m], "cache.size", text, size);
    for (int k = 0; k < RT_TEACHERS; k++)
        if (strcmp(stage, rt_stage_teacher[k].name) == 0 && o->outputs[k])
            rt_store_counts(o->outputs[k], &hits, &misses, &bytes);
    if (hits + misses)
        snprintf(text, size, "%.0f %% of its outputs found in the cache",
                 100 * (double)hits / (double)(hits + misses));
    for (int k = 0; k < RT_TEACHERS; k++)
        if (strcmp(stage, rt_stage_teacher[k].name) == 0)
            stage_note_full(o->outputs[k], "teacher.cache", text, size);
}

int rt_observe_board_account(struct rt_observe_board *o, const struct rt_account *a, const char *limit,
                             struct rt_error *e)
{
    struct rt_rundb *db = o->record->db;
    char ranks[RT_STATUS_RANKS];
    RT_TRY(rt_rundb_meta(db, "limit", limit, e));
    rt_board_get_ranks(o->board, ranks, sizeof ranks);
    if (ranks[0])
        RT_TRY(rt_rundb_meta(db, "ranks", ranks, e));
    for (int i = 0; i < a->stages; i++) {
        char note[100];
        stage_note(o, a->stage[i].name, note, sizeof note);
        RT_TRY(rt_rundb_stage(db, &a->stage[i], 1e-9 * (double)a->stage[i].offered / a->stage[i].workers, note, e));
    }
    return 0;
}

static int board_on_update(void *self, int64_t step, bool epoch_ended, struct rt_error *e)
{
    struct rt_observe_board *o = self;
    struct rt_account account;
    char limit[RT_ACCOUNT_LIMIT];
    uint64_t now = uv_hrtime();
    (void)step, (void)epoch_ended;
    if (now < o->due)
        return 0;
    o->due = now + STAGES_NS;
    if (rt_board_get_account(o->board, &account, limit, sizeof limit))
        RT_TRY(rt_observe_board_account(o, &account, limit, e));
    int rc = rt_rundb_commit(o->record->db, e);
    if (o->record->asked) /* SQLite moves pages out of its log in any commit, whoever filled it */
        rt_control_charge(o->record->student->control, uv_hrtime() - now);
    o->record->asked = false;
    return rc;
}

struct rt_observer rt_observe_board(struct rt_observe_board *o)
{
    return (struct rt_observer){
        .self = o, .step = board_on_step, .update = board_on_update, .evaluation = board_on_evaluation,
    };
}
