/* SPDX-License-Identifier: MIT
 * cmd_eval: `retort eval`: a model on a manifest: accuracy, also by quality; verification on a list of
 * trials; cross-modal retrieval against a teacher. */
#include "tui/cli/cmd.h"
#include "stages/session/evaluation.h"
#include "stages/session/progress.h"
#include "formats/trials.h"

#include "formats/jsontext.h"
#include "formats/words.h"
#include "stages/distill/weights.h"
#include "stages/metrics/metrics.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: retort eval DIR|MODEL MANIFEST [options]\n"
    "Top-1, top-5, macro-F1 on the labelled samples of the test split (else of all), in thirds by\n"
    "quality; EER and minDCF with --trials; retrieval with --teacher.\n\n"
    "      --split NAME     train, valid, test or all\n"
    "      --confusion      the confusion matrix, too\n"
    "      --quality A,B    measures that make the quality thirds (default: the model's weight.terms,\n"
    "                       else the first of its modality)\n"
    "      --trials FILE    lines `1 ENROL TEST` or `0 ENROL TEST`, by id or path (VoxCeleb's format)\n"
    "      --p-target P     prior of a target trial in minDCF (default 0.05)\n"
    "      --teacher MODEL  retrieval in the space shared with this teacher (R@1, 5, 10)\n"
    "  -s, --set teacher.KEY=VALUE   how another program's ONNX file is read (layout, mean, std, ...)\n"
    "      --classes FILE   names of that file's classes, one a line (default: as it says, or numbers)\n"
    "      --json           results as JSON\n"
    "      --cache DIR      where measures are kept (default ~/.cache/retort)\n";

enum { OPT_SPLIT = 256, OPT_CONFUSION, OPT_QUALITY, OPT_TRIALS, OPT_TARGET, OPT_TEACHER, OPT_JSON,
       OPT_CACHE, OPT_CLASSES };

static const struct option options[] = {
    {"split", required_argument, NULL, OPT_SPLIT},     {"confusion", no_argument, NULL, OPT_CONFUSION},
    {"quality", required_argument, NULL, OPT_QUALITY}, {"trials", required_argument, NULL, OPT_TRIALS},
    {"p-target", required_argument, NULL, OPT_TARGET}, {"teacher", required_argument, NULL, OPT_TEACHER},
    {"json", no_argument, NULL, OPT_JSON},             {"cache", required_argument, NULL, OPT_CACHE},
    {"set", required_argument, NULL, 's'},             {"classes", required_argument, NULL, OPT_CLASSES},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct request {
    struct rt_evaluation_request judged;
    const char *quality, *trials, *teacher;
    double p_target;
    bool confusion, json;
};

/* Results as they come: a flat JSON object, or lines of words. */
struct report {
    bool json;
    int values;
};

static void value(struct report *r, const char *key, double v, const char *words)
{
    if (!r->json) {
        fputs(words, stdout);
        return;
    }
    fputs(r->values++ ? ", " : "{", stdout);
    rt_json_text(stdout, key);
    fputs(": ", stdout);
    rt_json_number(stdout, v);
}

static void percent(struct report *r, const char *key, const char *title, double share)
{
    char words[160];
    snprintf(words, sizeof words, "%-24s %.2f %%\n", title, 100 * share);
    value(r, key, share, words);
}

static void number(struct report *r, const char *key, const char *title, double v)
{
    char words[160];
    snprintf(words, sizeof words, "%-24s %.6g\n", title, v);
    value(r, key, v, words);
}

static int *truth_of(const struct rt_evaluation *j)
{
    int *label = malloc(sizeof *label * ((size_t)j->count + 1));
    for (int i = 0; label && i < j->count; i++)
        label[i] = j->out.have[i] ? j->session.dataset.truth[j->rows[i]] : -1;
    return label;
}

/* A label that the model does not know counts nowhere; better said than wondered about. */
static void tell_strangers(const struct rt_evaluation *j)
{
    const struct rt_dataset *d = &j->session.dataset;
    int column = rt_manifest_column(d->manifest, "label"), labels = 0, strange = 0;
    char a[32], b[32];
    for (int i = 0; i < j->count; i++) {
        int row = j->rows[i], labelled = rt_manifest_cell(d->manifest, row, column)[0] != '\0';
        labels += labelled;
        strange += labelled && d->truth[row] < 0;
    }
    if (strange)
        fprintf(stderr, "retort: %s of %s labels are not among the model's %d classes; these samples "
                "do not count\n", rt_count_text(strange, a), rt_count_text(labels, b), j->model.classes);
}

static void print_confusion(const struct rt_accuracy *a, const struct rt_model *m)
{
    printf("confusion (rows: truth, columns: answer, in the order of the rows)\n");
    for (int t = 0; t < m->classes; t++) {
        printf("%-20.20s", m->class_name[t]);
        for (int p = 0; p < m->classes; p++)
            printf(" %4lld", (long long)a->confusion[(size_t)t * (size_t)m->classes + (size_t)p]);
        putchar('\n');
    }
}

static void json_confusion(const struct rt_accuracy *a, const struct rt_model *m)
{
    printf(", \"classes\": [");
    for (int c = 0; c < m->classes; c++) {
        fputs(c ? ", " : "", stdout);
        rt_json_text(stdout, m->class_name[c]);
    }
    printf("], \"confusion\": [");
    for (int t = 0; t < m->classes; t++)
        for (int p = 0; p < m->classes; p++)
            printf("%s%lld%s", p ? ", " : t ? ", [" : "[",
                   (long long)a->confusion[(size_t)t * (size_t)m->classes + (size_t)p],
                   p == m->classes - 1 ? "]" : "");
    putchar(']');
}

static int accuracy(const struct request *q, const struct rt_evaluation *j, struct report *r)
{
    struct rt_accuracy a = {0};
    int *label = truth_of(j);
    int rc = label ? rt_accuracy(&a, j->out.logits, label, j->count, j->model.classes) : RT_EMEM;
    tell_strangers(j);
    if (rc == 0) {
        number(r, "samples", "samples with a label", a.count);
        if (a.count) {
            percent(r, "top1", "top-1", a.top1);
            percent(r, "top5", "top-5", a.top5);
            percent(r, "macro_f1", "macro-F1", a.macro_f1);
        }
        if (q->confusion && a.count)
            (r->json ? json_confusion : print_confusion)(&a, &j->model);
    }
    rt_accuracy_fini(&a);
    free(label);
    return rc;
}

/* --- by quality --- */

static int quality_of(const struct request *q, const struct rt_evaluation *j, double *quality,
                      struct rt_error *e)
{
    const struct rt_scores *s = &j->session.scores;
    rt_key_text list;
    int column[RT_SCORE_COLUMNS], terms = 0;
    snprintf(list, sizeof list, "%s", q->quality ? q->quality : j->model.recipe.weight_terms);
    for (char *save = NULL, *w = strtok_r(list, ", ", &save); w && terms < RT_SCORE_COLUMNS;
         w = strtok_r(NULL, ", ", &save)) {
        int c = rt_scores_column(s, w);
        if (c < 0 && q->quality)
            return rt_error_set(e, RT_EUSAGE, "--quality: '%s' is not measured here; see retort "
                                "inspect --measures", w);
        if (c >= 0)
            column[terms++] = c;
    }
    if (!terms)
        column[terms++] = s->first[j->model.modality->id];
    for (int i = 0; i < j->count; i++) {
        double v[RT_SCORE_COLUMNS];
        for (int t = 0; t < terms; t++)
            v[t] = s->percentile[(size_t)j->rows[i] * (size_t)s->columns + (size_t)column[t]];
        rt_weight_quality(v, 1, terms, &quality[i]);
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int thirds(const struct request *q, const struct rt_evaluation *j, struct report *r,
                  struct rt_error *e)
{
    static const char *const name[] = {"lowest", "middle", "highest"};
    size_t n = (size_t)j->count;
    double *quality = malloc(2 * sizeof *quality * (n + 1)), *sorted = quality + n;
    int *label = truth_of(j), rc = quality && label ? 0 : RT_EMEM;
    if (rc == 0)
        rc = quality_of(q, j, quality, e);
    size_t usable = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (label[i] >= 0)
            sorted[usable++] = quality[i];
    if (rc == 0)
        qsort(sorted, usable, sizeof *sorted, compare);
    for (int third = 0; rc == 0 && usable >= 3 && third < 3; third++) {
        double low = third ? sorted[usable * (size_t)third / 3] : -1;
        double high = third < 2 ? sorted[usable * (size_t)(third + 1) / 3] : 2;
        int *some = malloc(sizeof *some * (n + 1));
        struct rt_accuracy a = {0};
        for (size_t i = 0; some && i < n; i++)
            some[i] = quality[i] >= low && quality[i] < high ? label[i] : -1;
        rc = some ? rt_accuracy(&a, j->out.logits, some, j->count, j->model.classes) : RT_EMEM;
        if (rc == 0 && a.count) {
            char key[64], title[64];
            snprintf(key, sizeof key, "top1.quality.%s", name[third]);
            snprintf(title, sizeof title, "top-1, %s quality", name[third]);
            percent(r, key, title, a.top1);
        }
        rt_accuracy_fini(&a);
        free(some);
    }
    free(quality);
    free(label);
    return rc;
}

/* --- verification and retrieval --- */

static double cosine(const float *a, const float *b, int n)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

static int verification(const struct request *q, const struct rt_evaluation *j, struct report *r,
                        struct rt_error *e)
{
    struct rt_trials t = {0};
    int rc = rt_trials_load(&t, q->trials, j->session.dataset.manifest, j->model.modality->name, e);
    if (rc < 0)
        return rc;
    int *place = malloc(sizeof *place * ((size_t)j->session.dataset.count + 1));
    double *score = malloc(sizeof *score * (t.count + 1));
    uint8_t *same = malloc(t.count + 1);
    size_t n = 0;
    rc = place && score && same ? 0 : RT_EMEM;
    for (int i = 0; rc == 0 && i < j->session.dataset.count; i++)
        place[i] = -1;
    for (int i = 0; rc == 0 && i < j->count; i++)
        if (j->out.have[i])
            place[j->rows[i]] = i;
    for (size_t i = 0; rc == 0 && i < t.count; i++) {
        int a = place[t.trial[i].enrol], b = place[t.trial[i].test];
        if (a < 0 || b < 0)
            continue;
        size_t dim = (size_t)j->model.dim;
        score[n] = cosine(j->out.embedding + dim * (size_t)a, j->out.embedding + dim * (size_t)b,
                          j->model.dim);
        same[n++] = t.trial[i].same;
    }
    struct rt_verification v;
    if (rc == 0 && (rc = rt_verification(&v, score, same, n, q->p_target)) < 0)
        rt_error_set(e, rc, "%s: %zu of %zu trials usable: %s", q->trials, n, t.count,
                     rc == RT_ENODATA ? "both kinds are needed" : rt_err_words(rc));
    if (rc == 0) {
        number(r, "trials", "trials", (double)n);
        number(r, "trials.left_out", "trials left out", (double)(t.count - n));
        percent(r, "eer", "EER", v.eer);
        number(r, "min_dcf", "minDCF", v.min_dcf);
    }
    free(place);
    free(score);
    free(same);
    rt_trials_fini(&t);
    return rc;
}

static int retrieval(const struct request *q, struct rt_evaluation *j, struct rt_model *teacher,
                     struct report *r, struct rt_error *e)
{
    if (!j->out.feature || teacher->dim != j->model.teacher_dim)
        return rt_error_set(e, RT_EMISMATCH, "%s: its embedding has %d numbers, the student's shared "
                            "space %d: is it this student's teacher?", q->teacher, teacher->dim,
                            j->model.teacher_dim);
    struct rt_outputs t = {0};
    int rc = rt_session_infer(&j->session, teacher, j->rows, j->count, false, &t, e);
    if (rc < 0)
        return rc;
    int *key = malloc(sizeof *key * ((size_t)j->count + 1)), n = 0;
    size_t dim = (size_t)teacher->dim;
    for (int i = 0; key && i < j->count; i++) {
        if (!j->out.have[i] || !t.have[i])
            continue;
        memmove(j->out.feature + dim * (size_t)n, j->out.feature + dim * (size_t)i, dim * sizeof(float));
        memmove(t.embedding + dim * (size_t)n, t.embedding + dim * (size_t)i, dim * sizeof(float));
        key[n] = n;
        n++;
    }
    /* Samples with one and the same teacher embedding (one text, many recordings) share a key. */
    for (int i = 0; key && i < n; i++)
        for (int k = 0; k < i; k++)
            if (memcmp(t.embedding + dim * (size_t)i, t.embedding + dim * (size_t)k,
                       dim * sizeof(float)) == 0) {
                key[i] = key[k];
                break;
            }
    struct rt_retrieval v = {0};
    rc = key ? rt_retrieval(&v, j->out.feature, t.embedding, n, n, teacher->dim, key, key) : RT_EMEM;
    if (rc == 0) {
        number(r, "retrieval.queries", "retrieval queries", v.queries);
        percent(r, "r1", "R@1", v.r1);
        percent(r, "r5", "R@5", v.r5);
        percent(r, "r10", "R@10", v.r10);
    }
    free(key);
    rt_outputs_fini(&t);
    return rc;
}

static int open_judged(const struct request *q, struct rt_evaluation *j, const struct rt_model *teacher,
                       struct rt_error *e)
{
    struct rt_evaluation_request asked = q->judged;
    asked.split = q->trials && !asked.split ? "all" : asked.split;
    asked.feature = teacher != NULL;
    asked.other = teacher ? (int)teacher->modality->id : -1;
    return rt_evaluation_open(j, &asked, e);
}

static int evaluate(const struct request *q, struct rt_evaluation *j, struct rt_error *e)
{
    struct rt_model *teacher = NULL;
    struct report r = {.json = q->json};
    int rc = 0;
    if (q->teacher) {
        teacher = calloc(1, sizeof *teacher);
        rc = teacher ? rt_model_load(teacher, q->teacher, e)
                     : rt_error_set(e, RT_EMEM, "out of memory");
    }
    if (rc == 0)
        rc = open_judged(q, j, teacher, e);
    if (rc == 0 && j->model.classes == 0 && !q->trials && !teacher)
        rc = rt_error_set(e, RT_EUSAGE, "%s: has no classifier: give --trials or --teacher", q->judged.model);
    if (rc == 0 && j->model.classes)
        rc = accuracy(q, j, &r);
    if (rc == 0 && j->model.classes)
        rc = thirds(q, j, &r, e);
    if (rc == 0 && q->trials)
        rc = verification(q, j, &r, e);
    if (rc == 0 && teacher)
        rc = retrieval(q, j, teacher, &r, e);
    if (r.json && r.values)
        puts("}");
    char left[400];
    if (j->session.left_lock) {
        rt_session_summary(&j->session, left, sizeof left);
        if (left[0])
            fprintf(stderr, "retort: %s\n", left);
    }
    if (teacher)
        rt_model_fini(teacher);
    free(teacher);
    return rc < 0 && e->code != rc ? rt_error_set(e, rc, "eval: %s", rt_err_words(rc)) : rc;
}

int cmd_eval(int argc, char **argv)
{
    struct request q = {.p_target = 0.05};
    char none = '\0', *end = &none; /* where --p-target's number ends */
    struct rt_error e = {0};
    int c, rc = 0;
    optind = 0;
    while ((c = getopt_long(argc, argv, "s:h", options, NULL)) != -1) {
        switch (c) {
        case OPT_SPLIT: q.judged.split = optarg; break;
        case 's': rc = rc == 0 ? rt_evaluation_setting(&q.judged, optarg, &e) : rc; break;
        case OPT_CONFUSION: q.confusion = true; break;
        case OPT_QUALITY: q.quality = optarg; break;
        case OPT_TRIALS: q.trials = optarg; break;
        case OPT_TARGET: q.p_target = strtod(optarg, &end); break;
        case OPT_TEACHER: q.teacher = optarg; break;
        case OPT_JSON: q.json = true; break;
        case OPT_CLASSES: q.judged.classes = optarg; break;
        case OPT_CACHE: q.judged.cache = optarg; break;
        case 'h': fputs(usage, stdout); return RT_EXIT_DONE;
        default: return rt_cmd_usage("eval", "unknown option or missing value");
        }
    }
    if (optind + 2 != argc)
        return rt_cmd_usage("eval", "a model and a manifest are needed");
    if (*end || !(q.p_target > 0 && q.p_target < 1))
        return rt_cmd_usage("eval", "--p-target must lie between 0 and 1");
    q.judged.model = argv[optind];
    q.judged.manifest = argv[optind + 1];
    struct rt_progress progress;
    rt_progress_init(&progress, false);
    struct rt_watch watch = rt_progress_watch(&progress);
    q.judged.watch = &watch;
    struct rt_evaluation *j = calloc(1, sizeof *j);
    if (rc == 0)
        rc = j ? evaluate(&q, j, &e) : rt_error_set(&e, RT_EMEM, "out of memory");
    if (j)
        rt_evaluation_close(j);
    free(j);
    return rc < 0 ? rt_cmd_fail(&e) : RT_EXIT_DONE;
}
