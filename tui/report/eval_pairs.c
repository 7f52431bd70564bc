/* SPDX-License-Identifier: MIT
 * eval_pairs: see eval_report.h; what compares embeddings of two models. */
#include "tui/report/eval_report.h"

#include "stages/metrics/metrics.h"
#include "stages/metrics/predictions.h"

#include <stdlib.h>
#include <string.h>

/* Closes up the rows that both have, in place; their number. */
static int pairs_pack(struct rt_evaluation *v, struct rt_outputs *teacher, size_t dim)
{
    size_t n = 0;
    for (int i = 0; i < v->judged; i++) {
        if (!v->out.have[i] || !teacher->have[i])
            continue;
        memmove(v->out.feature + dim * n, v->out.feature + dim * (size_t)i, dim * sizeof(float));
        memmove(teacher->embedding + dim * n, teacher->embedding + dim * (size_t)i, dim * sizeof(float));
        n++;
    }
    return (int)n;
}

/* Samples with one and the same teacher embedding (one text, many recordings) share a key: any of them is found. */
static void pairs_key(const struct rt_outputs *teacher, int n, size_t dim, int *key)
{
    for (int i = 0; i < n; i++) {
        int k = 0;
        while (k < i && memcmp(teacher->embedding + dim * (size_t)i, teacher->embedding + dim * (size_t)k,
                               dim * sizeof(float)) != 0)
            k++;
        key[i] = k < i ? key[k] : i;
    }
}

/* Queries of one key are one unit: they look for the same. hit: [n], room. */
static void recall_print(const char *name, const char *title, double recall, int best, const int *rank, const int *key,
                         int n, int8_t *hit, struct rt_figures *f)
{
    double within[2];
    for (int i = 0; i < n; i++)
        hit[i] = rank[i] < 0 ? -1 : rank[i] < best && rank[i] < n;
    rt_fraction_interval(within, hit, n, &(struct rt_units){key, n});
    rt_figures_percent_within(f, name, title, recall, within);
}

int rt_eval_retrieval(struct rt_evaluation *v, struct rt_model *teacher, const char *name, struct rt_figures *f,
                      struct rt_error *e)
{
    if (!v->out.feature || teacher->dim != v->model.teacher[0].dim)
        return rt_error_set(e, RT_EMISMATCH, "%s: its embedding has %d numbers, the student's shared "
                            "space %d: is it this student's teacher?", name, teacher->dim, v->model.teacher[0].dim);
    struct rt_outputs t = {0};
    RT_TRY(rt_session_infer(&v->session, teacher, v->rows, v->judged, false, NULL, &t, e));
    size_t dim = (size_t)teacher->dim;
    size_t room = (size_t)v->judged + 1;
    int *key = malloc(sizeof *key * room), *rank = malloc(sizeof *rank * room);
    int n = pairs_pack(v, &t, dim), rc = RT_EMEM;
    int8_t *hit = malloc(room);
    struct rt_retrieval r = {0};
    if (key && rank && hit) {
        pairs_key(&t, n, dim, key);
        rc = rt_retrieval(&r, v->out.feature, t.embedding, n, n, teacher->dim, key, key, rank);
    }
    if (rc == 0) {
        rt_figures_count(f, "retrieval.queries", "retrieval queries", r.queries);
        recall_print("r1", "R@1", r.r1, 1, rank, key, n, hit, f);
        recall_print("r5", "R@5", r.r5, 5, rank, key, n, hit, f);
        recall_print("r10", "R@10", r.r10, 10, rank, key, n, hit, f);
    }
    free(key);
    free(rank);
    free(hit);
    rt_outputs_fini(&t);
    return rc;
}
