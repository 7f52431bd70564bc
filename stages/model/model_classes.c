/* SPDX-License-Identifier: MIT
 * model_classes: the order of a model's classes (model.h). */
#include "stages/model/model.h"

#include <stdlib.h>
#include <string.h>

/* ---- by name ----
 * Terms compare the two classifiers place by place. To look a place up in a table at each of them would be wrong in
 * one place some day; so the rows of the classifier are put in order once, when it is read. */

/* from[i]: where the model has the i-th name. Whether each is there, and any is elsewhere than at i. */
static bool order_find(const struct rt_model *m, const char *const *name, int *from)
{
    bool moved = false;
    for (int i = 0; i < m->classes; i++) {
        from[i] = -1;
        for (int k = 0; k < m->classes && from[i] < 0; k++)
            if (strcmp(name[i], m->class_name[(i + k) % m->classes]) == 0)
                from[i] = (i + k) % m->classes;
        if (from[i] < 0)
            return false;
        moved |= from[i] != i;
    }
    return moved;
}

/* Rows of a parameter, [classes, size]. */
static int rows_order(struct rt_param *p, int classes, const int *from)
{
    size_t size = (size_t)(p->count / classes);
    float *before = malloc((size_t)p->count * sizeof *before);
    if (!before)
        return RT_EMEM;
    memcpy(before, p->value, (size_t)p->count * sizeof *before);
    for (int i = 0; i < classes; i++)
        memcpy(p->value + (size_t)i * size, before + (size_t)from[i] * size, size * sizeof *before);
    free(before);
    return 0;
}

static int classes_order(struct rt_model *m, const int *from, char **name)
{
    static const char *const params[] = {"logits.weight", "logits.bias"};
    for (int k = 0; k < 2; k++) {
        struct rt_param *p = rt_graph_param_named(m->graph, params[k]);
        if (p)
            RT_TRY(rows_order(p, m->classes, from));
    }
    memcpy(name, m->class_name, (size_t)m->classes * sizeof *name);
    for (int i = 0; i < m->classes; i++) {
        m->class_name[i] = name[from[i]];
        m->key = rt_key128_of(m->class_name[i], strlen(m->class_name[i]) + 1, m->key);
    }
    return 1;
}

int rt_model_order_classes(struct rt_model *m, const char *const *class_name, int classes)
{
    if (classes != m->classes || classes < 1 || m->logits < 0 || m->answer != RT_HEAD_OWN)
        return 0;
    int *from = malloc((size_t)classes * sizeof *from), rc = 0;
    char **name = malloc((size_t)classes * sizeof *name);
    if (!from || !name)
        rc = RT_EMEM;
    else if (order_find(m, class_name, from))
        rc = classes_order(m, from, name);
    free(from);
    free(name);
    return rc;
}
