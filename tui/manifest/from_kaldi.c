/* SPDX-License-Identifier: MIT
 * from_kaldi: a manifest from a Kaldi data directory: wav.scp, and where they are there segments, utt2spk and text.
 */
#include "formats/file.h"
#include "formats/kaldi.h"
#include "formats/path.h"
#include "formats/filewalk.h"
#include "formats/words.h"
#include "tui/manifest/sources.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TABLE_BYTES_MAX ((size_t)1 << 34)
#define CONVERTED "kaldi-wav" /* folder beside the manifest for what commands write */

enum table { WAV, SEGMENTS, SPEAKERS, TEXT, TABLES };
static const char *const table_names[TABLES] = {"wav.scp", "segments", "utt2spk", "text"};
enum column { ID, LABEL, GROUP, SPEECH, START, END, TEXTS, SPLIT, COLUMNS };
static const char *const columns[COLUMNS] = {"id", "label", "group", "speech", "start", "end", "text", "split"};

struct kaldi {
    const struct rt_made_options *o;
    struct rt_made_table *t;
    char name[TABLES][PATH_MAX];
    struct rt_kaldi table[TABLES];
    bool has[TABLES], *converted; /* converted: by line of wav.scp */
    bool *looked;                 /* the same: whether the file has been looked for */
    size_t files, missing;
    char example[PATH_MAX];
    int column[COLUMNS];          /* of the manifest, or -1 */
    char current[PATH_MAX];       /* what relative paths in wav.scp start from */
    struct rt_error *e;
};

static int table_open(struct kaldi *k, enum table which)
{
    uint8_t *bytes;
    size_t size;
    snprintf(k->name[which], sizeof k->name[which], "%.4000s/%s", k->o->source, table_names[which]);
    if (access(k->name[which], F_OK) < 0)
        return which == WAV ? rt_error_set(k->e, RT_EMISSING,
                                           "%s: there is no such file: a data folder of Kaldi has one", k->name[which])
                            : 0;
    RT_TRY(rt_file_read(k->name[which], TABLE_BYTES_MAX, &bytes, &size, k->e));
    RT_TRY(rt_kaldi_init(&k->table[which], (char *)bytes, size, k->name[which], k->e));
    k->has[which] = true;
    return 0;
}

/* ---- commands ----
 * What a command writes becomes a file, once: a run reads files, as many times as it has epochs, and in any order. */

static int command_run(const struct kaldi *k, const char *command, const char *path)
{
    char unfinished[2 * PATH_MAX + 8];
    int status = 0;
    snprintf(unfinished, sizeof unfinished, "%s" RT_FILE_UNFINISHED, path);
    int fd = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    pid_t child = fd < 0 ? -1 : fork();
    if (child == 0) {
        dup2(fd, STDOUT_FILENO);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    if (fd >= 0)
        close(fd);
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return rt_error_errno(k->e, "cannot write", unfinished);
    if (status == 0 && rename(unfinished, path) == 0)
        return 0;
    unlink(unfinished);
    return rt_error_set(k->e, RT_EIO, "the command '%.300s' failed", command);
}

/* A recording's id as a file's name. */
static void recording_file(const char *id, char *name, size_t size)
{
    snprintf(name, size, "%.200s.wav", id);
    for (char *at = name; *at; at++)
        if (*at == '/')
            *at = '_';
}

static int recording_convert(struct kaldi *k, size_t line, char way[PATH_MAX])
{
    const struct rt_kaldi_line *l = &k->table[WAV].line[line];
    char text[4096], name[256], path[2 * PATH_MAX];
    const char *command = rt_kaldi_command(l->value, k->o->allow.path, k->o->allow.count, text, sizeof text);
    if (!command)
        return rt_error_set(k->e, RT_EUSAGE, "%s:%d: a command instead of a file, and %s", k->name[WAV],
                            k->table[WAV].line[line].number, text);
    recording_file(l->key, name, sizeof name);
    snprintf(way, PATH_MAX, CONVERTED "/%s", name);
    snprintf(path, sizeof path, "%s/%s", k->o->output_folder, way);
    if (k->converted[line])
        return 0;
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%.4000s/" CONVERTED, k->o->output_folder);
    RT_TRY(rt_file_mkdirs(folder, k->e));
    if (access(path, F_OK) < 0) {
        int rc = command_run(k, command, path);
        if (rc < 0)
            rt_error_prefix(k->e, "%s:%d", k->name[WAV], k->table[WAV].line[line].number);
        RT_TRY(rc);
    }
    k->converted[line] = true;
    return 0;
}

/* ---- rows ---- */

/* The recording of line `line` of wav.scp, as the manifest has it. */
static int recording_path(struct kaldi *k, size_t line, char way[PATH_MAX])
{
    const char *value = k->table[WAV].line[line].value;
    char path[PATH_MAX];
    if (!*value)
        return rt_error_set(k->e, RT_EFORMAT, "%s:%d: \"%.80s\" has no path", k->name[WAV],
                            k->table[WAV].line[line].number, k->table[WAV].line[line].key);
    if (rt_kaldi_is_command(value))
        return recording_convert(k, line, way);
    if (rt_path_absolute(value, k->current, path, sizeof path) < 0)
        return rt_error_set(k->e, RT_ELARGE, "%s:%d: the path is too long", k->name[WAV],
                            k->table[WAV].line[line].number);
    if (!k->looked[line] && access(path, F_OK) < 0 && k->missing++ == 0)
        snprintf(k->example, sizeof k->example, "%s", path);
    k->files += !k->looked[line];
    k->looked[line] = true;
    return rt_walk_relative(path, k->o->output_folder, way, k->e);
}

static const char *value_of(const struct kaldi *k, enum table which, const char *utterance)
{
    long at = k->has[which] ? rt_kaldi_find(&k->table[which], utterance) : -1;
    return at < 0 ? "" : k->table[which].line[at].value;
}

static int row_add(struct kaldi *k, const char *utterance, size_t recording, const struct rt_kaldi_segment *s, int line)
{
    char way[PATH_MAX], start[32] = "", end[32] = "";
    const char *cell[COLUMNS] = {utterance, value_of(k, SPEAKERS, utterance), k->table[WAV].line[recording].key, way,
                                 start, end, value_of(k, TEXT, utterance), RT_SPLIT_ROOM};
    const char *row[COLUMNS];
    RT_TRY(recording_path(k, recording, way));
    if (s) {
        snprintf(start, sizeof start, "%.10g", s->start);
        if (s->end >= 0)
            snprintf(end, sizeof end, "%.10g", s->end);
    }
    for (int c = 0; c < COLUMNS; c++)
        if (k->column[c] >= 0)
            row[k->column[c]] = cell[c];
    return rt_made_add(k->t, row, line, k->e);
}

static int segment_add(struct kaldi *k, size_t at)
{
    struct rt_kaldi_segment s;
    char quoted[RT_QUOTE];
    RT_TRY(rt_kaldi_segment(&k->table[SEGMENTS], at, &s, k->e));
    long recording = rt_kaldi_find(&k->table[WAV], s.recording);
    if (recording < 0)
        return rt_error_set(k->e, RT_EFORMAT, "%s:%d: no recording %s in wav.scp", k->name[SEGMENTS],
                            k->table[SEGMENTS].line[at].number, rt_quote(quoted, sizeof quoted, s.recording));
    return row_add(k, k->table[SEGMENTS].line[at].key, (size_t)recording, &s, k->table[SEGMENTS].line[at].number);
}

static int rows_add(struct kaldi *k)
{
    const struct rt_kaldi *list = &k->table[k->has[SEGMENTS] ? SEGMENTS : WAV];
    for (size_t i = 0; i < list->count; i++)
        RT_TRY(k->has[SEGMENTS] ? segment_add(k, i) : row_add(k, list->line[i].key, i, NULL, list->line[i].number));
    return 0;
}

/* Utterances of utt2spk and text that are in no row. */
static void kaldi_note(const struct kaldi *k, struct rt_made_notes *notes)
{
    const struct rt_kaldi *list = &k->table[k->has[SEGMENTS] ? SEGMENTS : WAV];
    size_t lost = 0;
    for (int which = SPEAKERS; which <= TEXT; which++)
        for (size_t i = 0; k->has[which] && i < k->table[which].count; i++)
            lost += rt_kaldi_find(list, k->table[which].line[i].key) < 0;
    size_t n = 0;
    if (k->missing)
        n = (size_t)snprintf(notes->text, sizeof notes->text, "%zu of %zu files do not exist, such as %.300s%s",
                             k->missing, k->files, k->example, lost ? "; " : "");
    if (lost)
        snprintf(notes->text + n, sizeof notes->text - n,
                 "%zu lines of utt2spk and text are of utterances that are not in %s", lost,
                 table_names[k->has[SEGMENTS] ? SEGMENTS : WAV]);
}

static void kaldi_choose_columns(struct kaldi *k)
{
    bool wanted[COLUMNS] = {[ID] = true, [SPEECH] = true};
    k->t->unsplit = k->o->splits != RT_SPLITS_KEEP;
    wanted[GROUP] = wanted[START] = wanted[END] = k->has[SEGMENTS];
    wanted[LABEL] = k->has[SPEAKERS];
    wanted[TEXTS] = k->has[TEXT];
    wanted[SPLIT] = k->t->unsplit;
    for (int c = 0; c < COLUMNS; c++) {
        k->column[c] = wanted[c] ? k->t->columns : -1;
        if (wanted[c])
            k->t->column[k->t->columns++] = columns[c];
    }
}

static int kaldi_read(struct kaldi *k, struct rt_made_notes *notes)
{
    for (int which = 0; which < TABLES; which++)
        RT_TRY(table_open(k, (enum table)which));
    const char *root = k->o->root ? k->o->root : ".";
    if (!realpath(root, k->current))
        return rt_error_errno(k->e, "cannot read", root);
    k->converted = calloc(k->table[WAV].count, sizeof *k->converted);
    k->looked = calloc(k->table[WAV].count, sizeof *k->looked);
    if (!k->converted || !k->looked)
        return rt_error_set(k->e, RT_EMEM, "%s: out of memory", k->name[WAV]);
    kaldi_choose_columns(k);
    RT_TRY(rows_add(k));
    if (k->files && k->missing == k->files)
        return rt_error_set(k->e, RT_EMISSING,
                            "%s: none of its %zu files exists, such as %s: say with --root DIR where "
                            "they are",
                            k->name[WAV], k->missing, k->example);
    kaldi_note(k, notes);
    return 0;
}

int rt_made_kaldi(struct rt_made_table *t, const struct rt_made_options *o, struct rt_made_notes *notes,
                  struct rt_error *e)
{
    struct kaldi *k = calloc(1, sizeof *k);
    if (!k)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", o->source);
    k->o = o;
    k->t = t;
    k->e = e;
    int rc = kaldi_read(k, notes);
    for (int which = 0; which < TABLES; which++)
        rt_kaldi_fini(&k->table[which]);
    free(k->converted);
    free(k->looked);
    free(k);
    return rc;
}
