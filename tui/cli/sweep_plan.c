/* SPDX-License-Identifier: MIT
 * sweep_plan: see sweep_plan.h. */
#include "tui/cli/sweep_plan.h"

#include "formats/recipe.h"
#include "pipeline/run/checkpoints.h"
#include "pipeline/run/rundir.h"
#include "tui/cli/temporary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- jobs ----
 * What a run is started with is what -s takes, so that its command can be copied from a message and run by hand. The
 * recipe that follows is worked out here, too: a folder is of this sweep when its recipe.yaml is that text, so nothing
 * about a sweep has to be kept beside its runs. */

static int job_set(struct rt_sweep_job *j, const char *begin, const char *value, struct rt_error *e)
{
    char text[RT_SWEEP_PATH + 64];
    snprintf(text, sizeof text, "%s%s", begin, value);
    if (j->set.count == RT_SWEEP_SET || !(j->set.text[j->set.count] = strdup(text)))
        return rt_error_set(e, RT_EMEM, "%s: no room for its settings", j->name);
    j->set.count++;
    return 0;
}

static int job_resolve(struct rt_sweep_job *j, struct rt_error *e)
{
    struct rt_recipe *r = malloc(sizeof *r);
    int rc = r ? rt_recipe_load(r, j->recipe, e) : rt_error_set(e, RT_EMEM, "out of memory");
    for (int i = 0; rc == 0 && i < j->set.count; i++)
        rc = rt_recipe_set(r, j->set.text[i], e);
    j->text = rc == 0 ? rt_recipe_text(r) : NULL;
    free(r);
    return rc == 0 && !j->text ? rt_error_set(e, RT_EMEM, "out of memory") : rc;
}

/* What the run is called in its recipe, by which its folder is known to be this sweep's: "voices: kl". */
static const char *job_title(const struct rt_sweep *s, const char *name, char title[2 * RT_SWEEP_NAME + 8])
{
    snprintf(title, 2 * RT_SWEEP_NAME + 8, "%s: %s", s->name, name);
    return title;
}

/* name: of the setting or teacher. own: its overrides. */
static int job_init(struct rt_sweep_job *j, const struct rt_sweep_plan *p, const char *folder, const char *name,
                    int seed, const struct rt_sweep_set *own, struct rt_error *e)
{
    char slug[RT_SWEEP_NAME], title[2 * RT_SWEEP_NAME + 8], number[16];
    snprintf(j->name, sizeof j->name, "%s-%d", rt_sweep_slug(name, slug), seed);
    snprintf(number, sizeof number, "%d", seed);
    if (snprintf(j->folder, sizeof j->folder, "%s/%s", folder, j->name) >= (int)sizeof j->folder - 128)
        return rt_error_set(e, RT_ELARGE, "%s: the folder's name is too long", folder);
    RT_TRY(job_set(j, "name=", job_title(p->sweep, name, title), e));
    RT_TRY(job_set(j, "seed=", number, e));
    RT_TRY(job_set(j, "train.threads=", "1", e));
    if (j->teacher >= 0)
        RT_TRY(job_set(j, "teacher.model=", p->job[j->teacher].folder, e));
    for (int i = 0; i < own->count; i++)
        RT_TRY(job_set(j, "", own->text[i], e));
    return job_resolve(j, e);
}

/* ---- what is there ---- */

static bool file_is_newer(const struct stat *a, const struct stat *b)
{
    return a->st_mtim.tv_sec > b->st_mtim.tv_sec ||
           (a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec > b->st_mtim.tv_nsec);
}

static bool job_stat(const struct rt_sweep_job *j, enum rt_run_file file, struct stat *st)
{
    char path[RT_RUN_PATH];
    if (stat(rt_run_file_path(j->folder, file, path, sizeof path), st) == 0)
        return true;
    return file == RT_RUN_MODEL && stat(rt_run_file_path(j->folder, RT_RUN_OLD_MODEL, path, sizeof path), st) == 0;
}

/* Its folder holds the recipe that it has now: settings that a result depends on are compared, of a network that the
 * run chooses the one that it chose. */
static bool job_same_recipe(const struct rt_sweep_job *j)
{
    char path[RT_RUN_PATH];
    struct rt_recipe *r = malloc(sizeof *r), *had = malloc(sizeof *had);
    rt_run_file_path(j->folder, RT_RUN_RECIPE, path, sizeof path);
    bool same = r && had && j->text && rt_recipe_load(had, path, NULL) == 0 &&
                rt_recipe_parse(r, j->text, strlen(j->text), j->name, "/", NULL) == 0;
    if (same && r->student_net == RT_NET_AUTO)
        r->student_net = had->student_net;
    same = same && !rt_recipe_differs(r, had, NULL);
    free(r);
    free(had);
    return same;
}

/* file: what must not be older than the teacher's result. */
static bool job_is_current(const struct rt_sweep_plan *p, const struct rt_sweep_job *j, enum rt_run_file file)
{
    struct stat own, teacher;
    if (!job_stat(j, file, &own) || !job_same_recipe(j))
        return false;
    return j->teacher < 0 || (job_stat(&p->job[j->teacher], RT_RUN_MODEL, &teacher) && !file_is_newer(&teacher, &own));
}

static bool job_is_done(const struct rt_sweep_plan *p, const struct rt_sweep_job *j)
{
    return (j->teacher < 0 || p->job[j->teacher].state == RT_SWEEP_DONE) && job_is_current(p, j, RT_RUN_MODEL);
}

/* ---- the plan ---- */

static int plan_add(struct rt_sweep_plan *p, const char *folder, const char *name, int seed,
                    const struct rt_sweep_set *own, struct rt_error *e)
{
    struct rt_sweep_job *j = &p->job[p->jobs++];
    RT_TRY(job_init(j, p, folder, name, seed, own, e));
    j->state = job_is_done(p, j) ? RT_SWEEP_DONE : RT_SWEEP_WAITS;
    p->waiting += j->state == RT_SWEEP_WAITS;
    return 0;
}

/* The job of a setting's teacher at a seed's place: those of one teacher stand together, in the order of seeds. */
static int plan_teacher(const struct rt_sweep_plan *p, int teacher, int seed)
{
    for (int i = 0; i < p->jobs; i++)
        if (p->job[i].setting < 0 && p->job[i].teaches == teacher)
            return i + (p->sweep->teacher[teacher].one ? 0 : seed);
    return -1;
}

static bool teacher_is_asked(const struct rt_sweep *s, int teacher)
{
    bool asked = false;
    for (int i = 0; i < s->settings; i++)
        asked |= s->setting[i].teacher == teacher;
    return asked;
}

/* Two settings that come to one recipe are one run made twice, whose difference of 0.0 looks like a finding: most often
 * the recipe says already what a setting sets, and so "labels only" is not what it is called. But for their names. */
static bool job_is_same(const struct rt_sweep_job *a, const struct rt_sweep_job *b)
{
    static const char key[] = "\nname:";
    if (!a->text || !b->text)
        return false;
    const char *x = strstr(a->text, key), *y = strstr(b->text, key);
    if (strncmp(a->text, key + 1, sizeof key - 2) == 0)
        x = a->text;
    if (strncmp(b->text, key + 1, sizeof key - 2) == 0)
        y = b->text;
    if (!x || !y || x - a->text != y - b->text || strncmp(a->text, b->text, (size_t)(x - a->text)) != 0)
        return false;
    return a->teacher == b->teacher && strcmp(x + 1 + strcspn(x + 1, "\n"), y + 1 + strcspn(y + 1, "\n")) == 0;
}

static int plan_check_same(const struct rt_sweep_plan *p, struct rt_error *e)
{
    for (int i = 0; i < p->jobs; i++)
        for (int k = i + 1; k < p->jobs; k++) {
            const struct rt_sweep_job *a = &p->job[i], *b = &p->job[k];
            if (a->setting < 0 || a->seed || b->seed || !job_is_same(a, b))
                continue;
            return rt_error_set(e, RT_EUSAGE, "\"%.80s\" and \"%.80s\" come to the same recipe, so to the same runs: "
                                "does %.200s say itself what one of them sets? (retort run %.200s --print-recipe)",
                                p->sweep->setting[a->setting].name, p->sweep->setting[b->setting].name, a->recipe,
                                a->recipe);
        }
    return 0;
}

int rt_sweep_plan_init(struct rt_sweep_plan *p, const struct rt_sweep *s, const char *folder, struct rt_error *e)
{
    *p = (struct rt_sweep_plan){.sweep = s};
    p->job = calloc((size_t)(s->settings + s->teachers) * (size_t)s->seeds, sizeof *p->job);
    if (!p->job)
        return rt_error_set(e, RT_EMEM, "out of memory");
    for (int t = 0; t < s->teachers; t++) {
        const struct rt_sweep_teacher *teacher = &s->teacher[t];
        for (int k = 0; teacher_is_asked(s, t) && k < (teacher->one ? 1 : s->seeds); k++) {
            p->job[p->jobs] = (struct rt_sweep_job){
                .recipe = teacher->recipe, .teacher = -1, .setting = -1, .seed = k, .teaches = t,
            };
            RT_TRY(plan_add(p, folder, teacher->name, teacher->one ? teacher->seed : s->seed[k], &teacher->set, e));
        }
    }
    for (int k = 0; k < s->seeds; k++)
        for (int i = 0; i < s->settings; i++) {
            const struct rt_sweep_setting *setting = &s->setting[i];
            int teacher = setting->teacher < 0 ? -1 : plan_teacher(p, setting->teacher, k);
            p->job[p->jobs] = (struct rt_sweep_job){.recipe = s->recipe, .teacher = teacher, .setting = i, .seed = k};
            RT_TRY(plan_add(p, folder, setting->name[0] ? setting->name : s->name, s->seed[k], &setting->set, e));
        }
    return plan_check_same(p, e);
}

void rt_sweep_plan_fini(struct rt_sweep_plan *p)
{
    for (int i = 0; i < p->jobs; i++) {
        while (p->job[i].set.count)
            free(p->job[i].set.text[--p->job[i].set.count]);
        free(p->job[i].text);
    }
    free(p->job);
}

int rt_sweep_plan_next(const struct rt_sweep_plan *p)
{
    for (int i = 0; i < p->jobs; i++)
        if (p->job[i].state == RT_SWEEP_WAITS &&
            (p->job[i].teacher < 0 || p->job[p->job[i].teacher].state == RT_SWEEP_DONE))
            return i;
    return -1;
}

/* ---- starting ----
 * What is in the way is removed only where its own recipe says that it is a run of this sweep: whoever gives the folder
 * of other runs with -o must not lose them. */

static int job_check_own(const struct rt_sweep_job *j, struct rt_error *e)
{
    char path[RT_RUN_PATH];
    const char *name = strchr(j->set.text[0], '=') + 1; /* the first that job_init sets */
    struct rt_recipe *r = malloc(sizeof *r);
    if (!r)
        return rt_error_set(e, RT_EMEM, "out of memory");
    int rc = rt_recipe_load(r, rt_run_file_path(j->folder, RT_RUN_RECIPE, path, sizeof path), NULL);
    bool own = rc == 0 && !strcmp(r->name, name);
    free(r);
    return own ? 0 : rt_error_set(e, RT_EUSAGE, "has a run in its place that is not of this sweep; give another folder "
                                  "with -o, or remove %s", j->folder);
}

int rt_sweep_job_prepare(const struct rt_sweep_plan *p, int job, bool *resume, struct rt_error *e)
{
    const struct rt_sweep_job *j = &p->job[job];
    char path[RT_RUN_PATH];
    struct stat st;
    int64_t step;
    *resume = false;
    if (!rt_rundir_holds(j->folder))
        return 0; /* nobody's, or none: the run looks itself */
    if (rt_rundir_writer(j->folder))
        return rt_error_set(e, RT_EBUSY, "is run by another process already");
    *resume = !job_stat(j, RT_RUN_MODEL, &st) && job_is_current(p, j, RT_RUN_RECIPE) &&
              rt_checkpoints_latest(j->folder, path, sizeof path, &step) == 0;
    if (*resume)
        return 0;
    RT_TRY(job_check_own(j, e));
    return rt_folder_remove(j->folder, e);
}

char **rt_sweep_job_words(const struct rt_sweep_plan *p, int job, bool resume)
{
    const struct rt_sweep_job *j = &p->job[job];
    char **word = calloc((size_t)(9 + 2 * j->set.count), sizeof *word);
    int n = 0;
    if (!word)
        return NULL;
    word[n++] = "run";
    word[n++] = (char *)j->recipe;
    word[n++] = "-o";
    word[n++] = (char *)j->folder;
    word[n++] = "-q";
    word[n++] = "--headless";
    if (resume)
        word[n++] = "--resume";
    for (int i = 0; i < j->set.count; i++) {
        word[n++] = "-s";
        word[n++] = j->set.text[i];
    }
    return word;
}
