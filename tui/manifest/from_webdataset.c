/* SPDX-License-Identifier: MIT
 * from_webdataset: a manifest from tar shards as webdataset packs them: members that share a name up to the first
 * dot of its last part are one sample; what each is says its ending. */
#include "formats/file.h"
#include "formats/path.h"
#include "formats/utf8.h"
#include "formats/filewalk.h"
#include "formats/words.h"
#include "pipeline/data/datafile.h"
#include "tui/manifest/sources.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL_BYTES ((size_t)1 << 20) /* of a text or class in a shard */

enum column { ID, LABEL, SPEECH, IMAGE, TEXTS, SPLIT, COLUMNS };
static const char *const columns[COLUMNS] = {"id", "label", "speech", "image", "text", "split"};

struct shards {
    const struct rt_made_options *o;
    struct rt_made_table *t;
    const char *name; /* of the shard at hand */
    char way[PATH_MAX];
    int fd;
    struct rt_tar *tar;
    struct rt_store *kept; /* indexes, for whoever reads the manifest; or NULL */
    size_t other, damaged, sample; /* members of no use; shards cut short; samples so far, for their lines */
    char example[300];
    struct rt_error *e;
};

/* ---- names of shards ----
 * "x-{000..009}.tar" is written so by everybody who packs shards, and only some shells would make ten words of it. */

typedef int take_shard(void *self, const char *path);

static int names_expand(const char *pattern, take_shard *take, void *self, struct rt_error *e)
{
    const char *open = strchr(pattern, '{'), *dots = open ? strstr(open, "..") : NULL;
    const char *close = dots ? strchr(dots, '}') : NULL;
    char path[PATH_MAX], *end;
    if (!close)
        return take(self, pattern);
    long first = strtol(open + 1, &end, 10), last = strtol(dots + 2, NULL, 10);
    int width = (int)(dots - open) - 1;
    if (end != dots || strspn(dots + 2, "0123456789") != (size_t)(close - dots) - 2 || last < first ||
        last - first > 999999 || width < 1 || width > 9)
        return rt_error_set(e, RT_EUSAGE, "%s: write shards as x-{000..009}.tar", pattern);
    for (long k = first; k <= last; k++) {
        snprintf(path, sizeof path, "%.*s%0*ld%s", (int)(open - pattern), pattern, width, k, close + 1);
        RT_TRY(names_expand(path, take, self, e));
    }
    return 0;
}

/* ---- members ---- */

/* A member's words without the line ends behind them, malloc'ed. */
static int member_read_words(struct shards *s, const char *member, char **words)
{
    int64_t at;
    size_t size;
    uint8_t *bytes;
    RT_TRY(rt_tar_find(s->tar, s->name, member, &at, &size, s->e));
    if (size > SMALL_BYTES)
        return rt_error_set(s->e, RT_ELARGE, "%s!/%s: %zu bytes of text; at most 1 MiB is read", s->name, member, size);
    struct rt_input in = {.name = s->name, .size = size, .fd = s->fd, .at = at};
    RT_TRY(rt_input_read_all(&in, &bytes, s->e));
    while (size && isspace(bytes[size - 1]))
        size--;
    bytes[size] = 0;
    *words = (char *)bytes;
    if (strlen(*words) == size && rt_utf8_check(*words, size) == size)
        return 0;
    free(bytes);
    return rt_error_set(s->e, RT_EFORMAT, "%s!/%s: not text in UTF-8", s->name, member);
}

/* How much of a member's name is the sample's. */
static size_t member_key(const char *member)
{
    const char *slash = strrchr(member, '/'), *base = slash ? slash + 1 : member;
    return (size_t)(base - member) + strcspn(base, ".");
}

/* One sample's cells; those of text are malloc'ed. */
struct sample {
    char file[2][PATH_MAX]; /* speech, image */
    char *text, *label;
};

static int sample_take(struct shards *s, struct sample *w, const char *member)
{
    const char *ending = member + member_key(member);
    int modality = rt_walk_modality(member);
    if (modality == RT_SPEECH || modality == RT_IMAGE) {
        char *file = w->file[modality == RT_IMAGE];
        if (*file)
            return rt_error_set(s->e, RT_EFORMAT, "%s!/%s: a second %s of its sample", s->name, member,
                                rt_modality_names[modality]);
        snprintf(file, PATH_MAX, "%.2000s!/%.2000s", s->way, member);
        return 0;
    }
    if (modality == RT_TEXT && !w->text)
        return member_read_words(s, member, &w->text);
    if (!strcasecmp(ending, ".cls") && !w->label)
        return member_read_words(s, member, &w->label);
    if (s->other++ == 0)
        snprintf(s->example, sizeof s->example, "%.140s!/%.140s", s->name, member);
    return 0;
}

static int sample_add(struct shards *s, const struct sample *w, const char *key, size_t length)
{
    char id[PATH_MAX];
    snprintf(id, sizeof id, "%.*s", (int)length, key);
    const char *cell[COLUMNS] = {id, w->label ? w->label : "", w->file[0], w->file[1], w->text ? w->text : "",
                                 RT_SPLIT_ROOM};
    s->sample++;
    return rt_made_add(s->t, cell, (int)s->sample, s->e);
}

/* Members [from, to) of the tar. */
static int sample_read(struct shards *s, size_t from, size_t to)
{
    static struct sample w;
    size_t size;
    const char *key = rt_tar_name(s->tar, from, &size);
    w = (struct sample){.text = NULL};
    int rc = 0;
    for (size_t i = from; i < to && rc == 0; i++)
        rc = sample_take(s, &w, rt_tar_name(s->tar, i, &size));
    if (rc == 0 && (*w.file[0] || *w.file[1] || w.text))
        rc = sample_add(s, &w, key, member_key(key));
    free(w.text);
    free(w.label);
    return rc;
}

/* ---- shards ---- */

static int shard_read_members(struct shards *s)
{
    size_t count = rt_tar_count(s->tar), size;
    for (size_t from = 0, to; from < count; from = to) {
        const char *key = rt_tar_name(s->tar, from, &size);
        size_t length = member_key(key);
        for (to = from + 1; to < count; to++) {
            const char *next = rt_tar_name(s->tar, to, &size);
            if (member_key(next) != length || memcmp(next, key, length) != 0)
                break;
        }
        RT_TRY(sample_read(s, from, to));
    }
    s->damaged += *rt_tar_damage(s->tar) != 0;
    return 0;
}

static int shard_read(void *self, const char *path)
{
    struct shards *s = self;
    char absolute[PATH_MAX];
    struct stat st;
    s->name = path;
    if (rt_path_absolute(path, NULL, absolute, sizeof absolute) < 0)
        return rt_error_set(s->e, RT_ELARGE, "%s: the path is too long", path);
    RT_TRY(rt_walk_relative(absolute, s->o->output_folder, s->way, s->e));
    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = s->fd < 0 || fstat(s->fd, &st) < 0 ? rt_error_errno(s->e, "cannot read", path) : 0;
    if (rc == 0 && !S_ISREG(st.st_mode))
        rc = rt_error_set(s->e, RT_EFORMAT, "%s: a tar is wanted, not a folder or device", path);
    if (rc == 0)
        rc = rt_datafile_tar(&s->tar, s->kept, path, s->fd, s->e);
    if (rc == 0)
        rc = shard_read_members(s);
    rt_tar_destroy(s->tar);
    s->tar = NULL;
    if (s->fd >= 0)
        close(s->fd);
    return rc;
}

/* Columns in which no row has anything are not written. */
static void table_drop_empty(struct rt_made_table *t)
{
    for (int c = t->columns - 1; c >= 0; c--) {
        bool any = false;
        for (size_t i = 0; i < t->rows && !any; i++)
            any = *t->row[i]->cell[c] != 0;
        if (any)
            continue;
        t->columns--;
        memmove(&t->column[c], &t->column[c + 1], (size_t)(t->columns - c) * sizeof t->column[0]);
        for (size_t i = 0; i < t->rows; i++)
            memmove(&t->row[i]->cell[c], &t->row[i]->cell[c + 1], (size_t)(t->columns - c) * sizeof(char *));
    }
}

/* What cannot be kept is made again when the samples are read. */
static void shards_open_store(struct shards *s)
{
    char home[PATH_MAX];
    struct rt_error none;
    rt_store_home(home, sizeof home);
    if (*home)
        rt_store_open(&s->kept, home, RT_SHARDS_STORE, RT_SHARDS_BYTES, &none);
}

int rt_made_webdataset(struct rt_made_table *t, const struct rt_made_options *o, struct rt_made_notes *notes,
                       struct rt_error *e)
{
    struct shards s = {.o = o, .t = t, .fd = -1, .e = e};
    t->unsplit = o->splits != RT_SPLITS_KEEP;
    t->columns = t->unsplit ? COLUMNS : SPLIT;
    memcpy(t->column, columns, sizeof columns);
    shards_open_store(&s);
    int rc = names_expand(o->source, shard_read, &s, e);
    rt_store_close(s.kept);
    RT_TRY(rc);
    if (t->rows == 0)
        return rt_error_set(e, RT_ENODATA, "%s: no recording, picture or text in it", o->source);
    table_drop_empty(t);
    if (s.other || s.damaged)
        snprintf(notes->text, sizeof notes->text, "%zu members of other kinds%s%s; %zu shards damaged or cut short",
                 s.other, s.other ? ", such as " : "", s.example, s.damaged);
    return 0;
}
