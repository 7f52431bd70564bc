/* SPDX-License-Identifier: MIT
 * manifest_make: see manifest_make.h. */
#include "tui/cli/manifest_make.h"
#include "formats/file.h"
#include "formats/plain.h"
#include "pipeline/data/dataset.h"
#include "pipeline/data/labels_alike.h"

#include <stdlib.h>
#include <string.h>

/* ---- values ---- */

/* "70/10/20" -> shares; false when it is something else. */
static bool shares_read(const char *text, double share[3])
{
    for (int i = 0; i < 3; i++) {
        char *end;
        if (*text < '0' || *text > '9')
            return false;
        share[i] = strtod(text, &end);
        if (*end != (i < 2 ? '/' : '\0') || share[i] > 1e6 || text[strspn(text, "0123456789./")])
            return false;
        text = end + 1;
    }
    return share[0] + share[1] + share[2] > 0;
}

/* The last --split counts. */
int rt_take_shares(void *field, const char *value, struct rt_error *e)
{
    struct rt_made_shares *s = field;
    bool shares = shares_read(value, s->share);
    s->splits = shares ? RT_SPLITS_NEW : RT_SPLITS_KEEP;
    s->column = NULL;
    if (shares || !strcmp(value, "none"))
        return 0;
    return rt_error_set(e, RT_EUSAGE, "three shares such as 70/10/20, or none");
}

int rt_take_shares_or_column(void *field, const char *value, struct rt_error *e)
{
    struct rt_made_shares *s = field;
    if (rt_take_shares(s, value, e) < 0)
        s->column = value;
    return 0;
}

int rt_take_delimiter(void *field, const char *value, struct rt_error *e)
{
    char c = !strcmp(value, "tab") || !strcmp(value, "\\t") ? '\t' : *value;
    *(char *)field = c;
    if ((c != '\t' && strlen(value) != 1) || strchr("\"\r\n", *value))
        return rt_error_set(e, RT_EUSAGE, "one character, or tab");
    return 0;
}

/* ---- the work ---- */

/* The folder of path, absolute and without links, malloc'ed. */
static char *path_real_folder(const char *path, struct rt_error *e)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    char *real = folder ? realpath(folder, NULL) : NULL;
    if (!real)
        rt_error_errno(e, "cannot write to", folder ? folder : path);
    free(folder);
    return real;
}

static void manifest_tell(const struct rt_made_table *t, const char *path, const char *notes)
{
    int split = rt_made_column(t, "split");
    rt_plain_print(stderr, "%s: %zu rows", path, t->rows);
    for (int s = 0; split >= 0 && s < RT_SPLITS; s++) {
        size_t count = 0;
        for (size_t i = 0; i < t->rows; i++)
            count += !strcmp(t->row[i]->cell[split], rt_split_names[s]);
        rt_plain_print(stderr, ", %s %zu", rt_split_names[s], count);
    }
    fputc('\n', stderr);
    if (*notes)
        rt_plain_print(stderr, "%s\n", notes);
}

/* Of the manifest as a run will read it. */
static void manifest_tell_labels(const char *path)
{
    struct rt_dataset d;
    char text[600];
    if (rt_dataset_load(&d, path, 1, 0, NULL, 0, NULL) < 0)
        return; /* a run will say why */
    if (rt_dataset_labels_alike(&d, text, sizeof text) > 0)
        rt_plain_print(stderr, "labels that are near-equal are classes of their own: %s\n", text);
    rt_dataset_fini(&d);
}

static int manifest_fill(struct rt_made_request *q, rt_made_source *source, struct rt_made_table *t,
                         struct rt_made_notes *notes, struct rt_error *e)
{
    static const double usual[3] = {70, 10, 20};
    const double *share = q->split.splits == RT_SPLITS_NEW ? q->split.share : usual;
    q->o.splits = q->split.splits;
    q->o.seed = (uint64_t)q->seed;
    if (q->split.column)
        q->o.role[RT_ROLE_SPLIT] = q->split.column;
    RT_TRY(source(t, &q->o, notes, e));
    RT_TRY(rt_made_sort(t, q->o.source, e));
    if (t->unsplit)
        RT_TRY(rt_made_split(t, share, (uint64_t)q->seed, e));
    RT_TRY(rt_made_write(t, q->output, e));
    if (notes->trials)
        RT_TRY(rt_file_write(q->o.valid_trials, &(struct rt_span){notes->trials, notes->trials_size}, 1, e));
    manifest_tell(t, q->output, notes->text);
    manifest_tell_labels(q->output);
    return 0;
}

int rt_made_manifest(struct rt_made_request *q, rt_made_source *source, struct rt_error *e)
{
    struct rt_made_table t = {0};
    struct rt_made_notes notes = {0};
    char *folder = path_real_folder(q->output, e);
    q->o.output_folder = folder;
    if (q->folders.count) {
        q->o.source = q->folders.word[0];
        q->o.folder = (const char *const *)q->folders.word;
        q->o.folders = q->folders.count;
    }
    int rc = folder ? manifest_fill(q, source, &t, &notes, e) : e->code;
    rt_made_fini(&t);
    free(notes.names);
    free(notes.trials);
    free(folder);
    return rc;
}
