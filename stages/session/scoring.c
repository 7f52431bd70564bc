/* SPDX-License-Identifier: MIT
 * scoring: see scoring.h. */
#include "stages/session/scoring.h"

#include "stages/distill/weight_scale.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const rt_scoring_input_names[RT_SCORING_INPUTS + 1] = {"duration", "norm", "quality", NULL};

/* ---- before anything is computed ---- */

static int trial_check_file(const struct rt_trial *t, int row, const char *path, const struct rt_dataset *d,
                            struct rt_datafiles *sources, int modality, struct rt_error *e)
{
    char buffer[4352];
    const char *id = rt_manifest_cell(d->manifest, row, rt_manifest_column(d->manifest, "id"));
    const char *file = rt_dataset_source(d, row, modality, buffer, sizeof buffer);
    if (d->reason[modality][row] == RT_EMISSING)
        return rt_error_set(e, RT_EMISSING, "%s:%d: '%.200s' has no %s in %s", path, t->line, id,
                            rt_modality_names[modality], rt_manifest_path(d->manifest));
    if (modality != RT_TEXT && rt_datafile_exists(sources, file, NULL, NULL) < 0)
        return rt_error_set(e, RT_EMISSING, "%s:%d: '%.200s': there is no file %s", path, t->line, id, file);
    return 0;
}

int rt_scoring_check_files(const struct rt_trials *t, const char *path, const struct rt_session *s, int modality,
                           struct rt_error *e)
{
    const struct rt_dataset *d = &s->dataset;
    bool *looked = calloc((size_t)d->count + 1, sizeof *looked);
    int rc = looked ? 0 : rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    for (size_t i = 0; rc == 0 && i < t->count; i++) {
        int row[] = {t->trial[i].enrol, t->trial[i].test};
        for (int k = 0; rc == 0 && k < 2; k++)
            if (!looked[row[k]]) {
                looked[row[k]] = true;
                rc = trial_check_file(&t->trial[i], row[k], path, d, s->sources, modality, e);
            }
    }
    free(looked);
    return rc;
}

/* ---- the cohort ----
 * Other people, of another manifest or of the training split. One embedding a person: a person with many recordings
 * would otherwise be the whole of somebody's nearest. */

/* The usable samples of `from` that are of the split (-1 = of any): their embeddings, one a label. */
static int cohort_take(struct rt_scoring *s, const struct rt_evaluation *from, int split, struct rt_error *e)
{
    const struct rt_dataset *d = &from->session.dataset;
    size_t dim = (size_t)from->model.dim, n = 0, room = (size_t)from->count + 1;
    int *key = malloc(sizeof *key * room), *seen = malloc(sizeof *seen * room);
    s->cohort = malloc(sizeof(float) * dim * room);
    for (int i = 0; key && s->cohort && i < from->count; i++) {
        int row = from->rows[i];
        if (!from->out.have[i] || (split >= 0 && d->split[row] != split))
            continue;
        memcpy(s->cohort + dim * n, from->out.embedding + dim * (size_t)i, dim * sizeof(float));
        key[n++] = d->named[row];
    }
    if (key && seen && s->cohort)
        s->people = rt_cohort_by_key(s->cohort, key, (int)n, (int)dim, seen);
    int rc = key && seen && s->cohort ? 0 : rt_error_set(e, RT_EMEM, "no memory for a cohort of %zu samples", room);
    free(key);
    free(seen);
    return rc;
}

static int cohort_open(struct rt_scoring *s, const struct rt_evaluation_request *q, const char *cohort,
                       struct rt_error *e)
{
    if (strcmp(cohort, "train") == 0) {
        RT_TRY(cohort_take(s, s->v, RT_TRAIN, e));
    } else {
        struct rt_evaluation_request asked = *q;
        struct rt_evaluation *other = calloc(1, sizeof *other);
        asked.manifest = cohort;
        asked.split = "all";
        asked.opened = NULL;
        asked.other = -1;
        asked.feature = false;
        int rc = other ? rt_evaluation_open(other, &asked, e) : rt_error_set(e, RT_EMEM, "out of memory");
        if (rc == 0)
            rc = cohort_take(s, other, -1, e);
        if (other)
            rt_evaluation_close(other);
        free(other);
        RT_TRY(rc);
    }
    if (s->people < 2)
        return rt_error_set(e, RT_ENODATA, "--cohort %s: %d people or samples can be used: at least 2 are needed%s",
                            cohort, s->people, strcmp(cohort, "train") ? "" : " (with --split all, the default)");
    return 0;
}

/* ---- opening ---- */

static int scoring_allocate(struct rt_scoring *s)
{
    const struct rt_evaluation *v = s->v;
    size_t n = (size_t)v->count + 1, dim = (size_t)v->model.dim;
    s->place = malloc(sizeof *s->place * ((size_t)v->session.dataset.count + 1));
    s->norm = calloc(n, sizeof *s->norm);
    s->side = malloc(n * sizeof *s->side);
    s->room = malloc(sizeof *s->room * ((size_t)s->people + 1));
    if (!s->place || !s->norm || !s->side || !s->room)
        return RT_EMEM;
    for (int i = 0; i < v->session.dataset.count; i++)
        s->place[i] = -1;
    for (int i = 0; i < v->count; i++) {
        const float *x = v->out.embedding + dim * (size_t)i;
        s->side[i].mean = NAN;
        if (v->out.have[i])
            s->place[v->rows[i]] = i;
        for (size_t k = 0; k < dim; k++)
            s->norm[i] += (double)x[k] * x[k];
        s->norm[i] = sqrt(s->norm[i]);
    }
    return 0;
}

static int scoring_centre(struct rt_scoring *s)
{
    int dim = s->v->model.dim;
    float *mean = malloc(sizeof *mean * (size_t)dim);
    if (!mean)
        return RT_EMEM;
    rt_embedding_mean(mean, s->cohort, s->people, dim);
    for (int i = 0; i < s->v->count; i++) { /* as long as those that the mean is of */
        float *x = s->v->out.embedding + (size_t)dim * (size_t)i;
        for (int k = 0; s->norm[i] > 0 && k < dim; k++)
            x[k] = (float)(x[k] / s->norm[i]);
    }
    rt_embedding_subtract(s->v->out.embedding, mean, s->v->count, dim);
    rt_embedding_subtract(s->cohort, mean, s->people, dim);
    free(mean);
    return 0;
}

static void scoring_say(struct rt_scoring *s, const struct rt_scoring_request *r)
{
    char cohort[300] = "";
    if (r->cohort && s->top)
        snprintf(cohort, sizeof cohort, "; AS-Norm by the %d nearest of %d of %.200s", s->top, s->people, r->cohort);
    else if (r->cohort)
        snprintf(cohort, sizeof cohort, "; cohort %d of %.200s", s->people, r->cohort);
    snprintf(s->words, sizeof s->words, "%.200s%s%s", s->v->views_words[0] ? s->v->views_words : "as in training",
             cohort, r->centre ? "; centred" : "");
}

/* ---- calibration as text ----
 * Lines of a word and its values; the first says how the scores were made. */

void rt_scoring_text(const struct rt_scoring *s, char *text, size_t size)
{
    size_t at = (size_t)snprintf(text, size, "scores %s\ninputs", s->words);
    for (int k = 0; k < RT_SCORING_INPUTS; k++)
        at += (size_t)snprintf(text + at, size - at, "%s%s", s->by[k] ? " " : "",
                               s->by[k] ? rt_scoring_input_names[k] : "");
    at += (size_t)snprintf(text + at, size - at, "\nprior %.17g\noffset %.17g\nweights", s->p_target,
                           s->calibration.offset);
    for (int k = 0; k < s->calibration.inputs; k++)
        at += (size_t)snprintf(text + at, size - at, " %.17g", s->calibration.weight[k]);
}

/* What stands behind a word at the beginning of a line, up to the line's end. */
static bool text_find(const char *text, const char *word, char *value, size_t size)
{
    size_t n = strlen(word);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, word, n) == 0 && (line[n] == ' ' || line[n] == '\n')) {
            snprintf(value, size, "%.*s", (int)strcspn(line + n + (line[n] == ' '), "\n"), line + n + (line[n] == ' '));
            return true;
        }
    return false;
}

static bool text_numbers(const char *text, const char *word, double *value, int count)
{
    char line[600], *at = line;
    bool found = text_find(text, word, line, sizeof line);
    for (int i = 0; found && i < count; i++) {
        char *end;
        value[i] = strtod(at, &end);
        found = end != at && isfinite(value[i]);
        at = end;
    }
    return found;
}

/* The model's own. A calibration of other scores would give numbers that look like any others. */
static void scoring_recall(struct rt_scoring *s, char warning[400])
{
    const char *text = s->v->model.scoring;
    struct rt_score_calibration *c = &s->calibration;
    char words[600] = "", inputs[100] = "";
    warning[0] = '\0';
    if (!text)
        return;
    if (!text_find(text, "scores", words, sizeof words) || strcmp(words, s->words) != 0) {
        snprintf(warning, 400, "the model's calibration is of other scores and is not used: of %.150s; these are of "
                 "%.150s", words, s->words);
        return;
    }
    text_find(text, "inputs", inputs, sizeof inputs);
    c->inputs = 1;
    for (int k = 0; k < RT_SCORING_INPUTS; k++) {
        s->by[k] = strstr(inputs, rt_scoring_input_names[k]) != NULL;
        c->inputs += 2 * s->by[k];
    }
    s->calibrated = text_numbers(text, "offset", &c->offset, 1) && text_numbers(text, "prior", &s->p_target, 1) &&
                    text_numbers(text, "weights", c->weight, c->inputs);
    if (!s->calibrated)
        snprintf(warning, 400, "the model's calibration (%s) cannot be read and is not used", RT_MODEL_SCORING);
}

int rt_scoring_open(struct rt_scoring *s, struct rt_evaluation *v, const struct rt_evaluation_request *q,
                    const struct rt_scoring_request *r, char warning[400], struct rt_error *e)
{
    *s = (struct rt_scoring){.v = v};
    if (r->cohort)
        RT_TRY(cohort_open(s, q, r->cohort, e));
    s->top = !r->cohort ? 0 : r->top < s->people ? r->top : s->people;
    s->product = rt_views_count(&v->views) > 1 && !r->cohort;
    if (scoring_allocate(s) < 0 || (r->centre && scoring_centre(s) < 0))
        return rt_error_set(e, RT_EMEM, "no memory to score %d samples", v->count);
    scoring_say(s, r);
    scoring_recall(s, warning);
    return 0;
}

void rt_scoring_close(struct rt_scoring *s)
{
    free(s->place);
    free(s->norm);
    free(s->cohort);
    free(s->side);
    free(s->room);
    *s = (struct rt_scoring){.v = NULL};
}

/* ---- trials ---- */

static double scoring_score(struct rt_scoring *s, int a, int b)
{
    int dim = s->v->model.dim, place[] = {a, b};
    const float *x = s->v->out.embedding + (size_t)dim * (size_t)a;
    const float *y = s->v->out.embedding + (size_t)dim * (size_t)b;
    double score = rt_cosine(x, y, dim);
    if (s->product) /* the mean cosine over all pairs of views */
        score *= s->norm[a] * s->norm[b];
    if (!s->top)
        return score;
    for (int k = 0; k < 2; k++)
        if (isnan(s->side[place[k]].mean))
            rt_norm_side(&s->side[place[k]], k ? y : x, s->cohort, s->people, dim, s->top, s->room);
    return rt_as_norm(score, &s->side[a], &s->side[b]);
}

/* Of one side, by rt_scoring_input. */
static double side_value(const struct rt_scoring *s, int place, enum rt_scoring_input input)
{
    const struct rt_scores *scores = &s->v->session.scores;
    int row = s->v->rows[place], modality = s->v->model.modality->id;
    double quality = 1;
    if (input == RT_SCORING_NORM)
        return s->norm[place];
    for (int c = 0; c < scores->columns; c++) {
        const struct rt_score_column *column = &scores->column[c];
        double value = scores->value[(size_t)row * (size_t)scores->columns + (size_t)c];
        if (column->modality != modality)
            continue;
        if (input == RT_SCORING_DURATION && strcmp(column->measure->name, "duration") == 0)
            return log(fmax(value, 0.01));
        quality *= rt_knee_factor(&column->measure->knee, value);
    }
    return quality;
}

/* The score and, of each thing besides, its lower and higher side: which one enrolled does not matter. */
static int scoring_inputs(const struct rt_scoring *s, const bool by[RT_SCORING_INPUTS], double score, int a, int b,
                          double input[RT_CALIBRATION_INPUTS])
{
    int n = 0;
    input[n++] = score;
    for (int k = 0; k < RT_SCORING_INPUTS; k++)
        if (by[k]) {
            double x = side_value(s, a, (enum rt_scoring_input)k), y = side_value(s, b, (enum rt_scoring_input)k);
            input[n++] = fmin(x, y);
            input[n++] = fmax(x, y);
        }
    return n;
}

int rt_scoring_trials(struct rt_scoring *s, const struct rt_trials *t, struct rt_scored *out, struct rt_error *e)
{
    *out = (struct rt_scored){
        .trial = malloc(sizeof *out->trial * (t->count + 1)), .score = malloc(sizeof *out->score * (t->count + 1)),
        .llr = s->calibrated ? malloc(sizeof *out->llr * (t->count + 1)) : NULL, .same = malloc(t->count + 1),
    };
    if (!out->trial || !out->score || !out->same || (s->calibrated && !out->llr))
        return rt_error_set(e, RT_EMEM, "no memory for %zu trials", t->count);
    for (size_t i = 0; i < t->count; i++) {
        int a = s->place[t->trial[i].enrol], b = s->place[t->trial[i].test];
        double input[RT_CALIBRATION_INPUTS];
        if (a < 0 || b < 0)
            continue;
        size_t n = out->n++;
        out->trial[n] = &t->trial[i];
        out->same[n] = t->trial[i].same;
        out->score[n] = scoring_score(s, a, b);
        if (s->calibrated) {
            scoring_inputs(s, s->by, out->score[n], a, b, input);
            out->llr[n] = rt_score_llr(&s->calibration, input);
        }
    }
    out->left_out = t->count - out->n;
    return 0;
}

void rt_scored_fini(struct rt_scored *s)
{
    free(s->trial);
    free(s->score);
    free(s->llr);
    free(s->same);
    *s = (struct rt_scored){.n = 0};
}

int rt_scoring_fit(struct rt_scoring *s, const struct rt_trials *t, double p_target, const bool by[RT_SCORING_INPUTS],
                   struct rt_error *e)
{
    struct rt_scored scored;
    if (by[RT_SCORING_DURATION] && s->v->model.modality->id != RT_SPEECH)
        return rt_error_set(e, RT_EUSAGE, "duration: %s has none", s->v->model.modality->name);
    s->calibrated = false;
    int rc = rt_scoring_trials(s, t, &scored, e), inputs = 1;
    double *input = malloc(sizeof *input * RT_CALIBRATION_INPUTS * (scored.n + 1)), row[RT_CALIBRATION_INPUTS];
    if (rc == 0 && !input)
        rc = rt_error_set(e, RT_EMEM, "no memory for %zu trials", t->count);
    for (size_t i = 0; rc == 0 && i < scored.n; i++) {
        const struct rt_trial *trial = scored.trial[i];
        inputs = scoring_inputs(s, by, scored.score[i], s->place[trial->enrol], s->place[trial->test], row);
        memcpy(input + (size_t)inputs * i, row, sizeof *row * (size_t)inputs);
    }
    if (rc == 0 && (rc = rt_score_calibration_fit(&s->calibration, input, inputs, scored.same, scored.n, p_target)) < 0)
        rt_error_set(e, rc, "%zu of %zu trials usable: %s", scored.n, t->count,
                     rc == RT_ENODATA ? "both kinds are needed" : rt_err_words(rc));
    s->calibrated = rc == 0;
    s->p_target = p_target;
    memcpy(s->by, by, sizeof s->by);
    free(input);
    rt_scored_fini(&scored);
    return rc;
}

/* ---- people ----
 * Labels of people whom no training row holds may be missing; the list itself says who is who. Sets of samples are
 * joined, and each is named by one of its rows (a forest whose paths are halved while they are walked). */

static int person_find(int *of, int row)
{
    while (of[row] != row)
        row = of[row] = of[of[row]];
    return row;
}

/* The first row of each name stands for it. */
static void people_join_names(int *of, const struct rt_dataset *d, int *first)
{
    for (int i = 0; i < d->count; i++)
        of[i] = i;
    for (int i = 0; i < d->count; i++)
        if (d->named[i] >= 0) {
            int *at = &first[d->named[i]];
            *at = *at < 0 ? i : *at;
            of[person_find(of, i)] = person_find(of, *at);
        }
}

/* Numbers in the order of the trials; number [rows] is -1 where a row has none yet. */
static int people_number(int *side, const struct rt_scored *s, int *of, int *number)
{
    int people = 0;
    for (size_t i = 0; i < 2 * s->n; i++) {
        const struct rt_trial *t = s->trial[i % s->n];
        int *at = &number[person_find(of, i < s->n ? t->enrol : t->test)];
        *at = *at < 0 ? people++ : *at;
        side[i] = *at;
    }
    return people;
}

int rt_scored_people(int **side, const struct rt_scored *s, const struct rt_dataset *d)
{
    size_t rows = (size_t)d->count, names = (size_t)d->classes + (size_t)d->strangers;
    size_t room = (rows > names ? rows : names) + 1;
    int *of = malloc((rows + 1) * sizeof *of), *number = malloc(room * sizeof *number), people = 0;
    *side = malloc((2 * s->n + 1) * sizeof **side);
    if (of && number && *side) {
        memset(number, -1, room * sizeof *number);
        people_join_names(of, d, number);
        for (size_t i = 0; i < s->n; i++)
            if (s->same[i])
                of[person_find(of, s->trial[i]->enrol)] = person_find(of, s->trial[i]->test);
        memset(number, -1, room * sizeof *number);
        people = people_number(*side, s, of, number);
    }
    if (people < 2) {
        free(*side);
        *side = NULL;
    }
    free(of);
    free(number);
    return people;
}
