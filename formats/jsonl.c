/* SPDX-License-Identifier: MIT
 * jsonl: see jsonl.h. */
#include "formats/jsonl.h"

#include "formats/jsonread.h"
#include "formats/words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One line being read. */
struct reading {
    struct rt_jsonl_row *r;
    const json_t *line;
    const char *name;
    int number;
    struct rt_error *e;
};

static int reading_refuse(const struct reading *d, const char *what)
{
    return rt_error_set(d->e, RT_EFORMAT, "%s:%d: %s", d->name, d->number, what);
}

/* 1: there, 0: not; or RT_EFORMAT. */
static int number_read(const struct reading *d, const json_t *of, const char *key, double *value)
{
    const json_t *v = json_object_get(of, key);
    char what[120];
    if (!v || json_is_null(v))
        return 0;
    *value = json_number_value(v);
    if (json_is_number(v) && isfinite(*value) && *value >= 0)
        return 1;
    snprintf(what, sizeof what, "%s: a number, 0 or more, is wanted", key);
    return reading_refuse(d, what);
}

static int time_read(const struct reading *d, const char *start)
{
    double duration = 0;
    struct rt_jsonl_row *r = d->r;
    int begins = number_read(d, d->line, start, &r->start), lasts = number_read(d, d->line, "duration", &duration);
    RT_TRY(begins);
    RT_TRY(lasts);
    r->timed = begins; /* a duration alone says only how long the file is */
    r->end = lasts ? r->start + duration : INFINITY;
    return r->timed && lasts && duration <= 0 ? reading_refuse(d, "duration: more than 0 is wanted") : 0;
}

/* ---- NeMo ---- */

static int nemo_read(const struct reading *d)
{
    d->r->path = json_string_value(json_object_get(d->line, "audio_filepath"));
    d->r->speaker = json_string_value(json_object_get(d->line, "speaker"));
    d->r->text = json_string_value(json_object_get(d->line, "text"));
    return d->r->path ? time_read(d, "offset") : reading_refuse(d, "audio_filepath: a path is wanted");
}

/* ---- lhotse ----
 * A cut of one recording in one file. Cuts that mix several, or whose sound comes from a command or an address, have no
 * file that could be named. */

static int lhotse_read_source(const struct reading *d, const json_t *recording)
{
    const json_t *sources = json_object_get(recording, "sources"), *source = json_array_get(sources, 0);
    const char *type = json_string_value(json_object_get(source, "type"));
    char what[160], quoted[RT_QUOTE];
    if (json_array_size(sources) != 1)
        return reading_refuse(d, "recording.sources: one file is wanted");
    if (!type || strcmp(type, "file") != 0) {
        snprintf(what, sizeof what, "recording.sources: of type %s: only files are read; write them with lhotse's "
                 "save_audios", rt_quote(quoted, sizeof quoted, type ? type : ""));
        return reading_refuse(d, what);
    }
    d->r->path = json_string_value(json_object_get(source, "source"));
    return d->r->path ? 0 : reading_refuse(d, "recording.sources: source: a path is wanted");
}

static int lhotse_read(const struct reading *d)
{
    const json_t *recording = json_object_get(d->line, "recording"), *channel = json_object_get(d->line, "channel");
    const json_t *supervision = json_array_get(json_object_get(d->line, "supervisions"), 0);
    const char *type = json_string_value(json_object_get(d->line, "type"));
    if (type && strcmp(type, "MonoCut") != 0 && strcmp(type, "Cut") != 0)
        return reading_refuse(d, "type: only MonoCut, a cut of one channel of one recording, is read");
    if (!json_is_object(recording))
        return reading_refuse(d, "recording: it is not in the line; write the cuts with their recordings");
    RT_TRY(lhotse_read_source(d, recording));
    if (json_is_integer(channel) && json_integer_value(channel) >= 0 && json_integer_value(channel) < 1000)
        d->r->channel = (int)json_integer_value(channel);
    else if (channel)
        return reading_refuse(d, "channel: a whole number is wanted");
    d->r->speaker = json_string_value(json_object_get(supervision, "speaker"));
    d->r->text = json_string_value(json_object_get(supervision, "text"));
    RT_TRY(time_read(d, "start"));
    double whole;
    int lasts = number_read(d, recording, "duration", &whole);
    RT_TRY(lasts);
    if (lasts && d->r->timed && d->r->start == 0 && d->r->end >= whole)
        d->r->timed = false; /* all of it: then the file's own key is the sample's */
    return 0;
}

/* ---- a line ---- */

static int fields_read(const struct reading *d)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)d->line, key, value)
    {
        struct rt_jsonl_field *f = &d->r->field[d->r->fields];
        bool number = json_is_number(value) || json_is_boolean(value);
        if (!number && !json_is_string(value))
            continue;
        if (d->r->fields == RT_JSONL_FIELDS)
            return rt_error_set(d->e, RT_ELARGE, "%s:%d: more than %d fields", d->name, d->number, RT_JSONL_FIELDS);
        *f = (struct rt_jsonl_field){.name = key, .text = number ? NULL : json_string_value(value)};
        if (json_is_integer(value))
            snprintf(f->number, sizeof f->number, "%lld", (long long)json_integer_value(value));
        else if (number)
            snprintf(f->number, sizeof f->number, "%.15g",
                     json_is_boolean(value) ? (double)json_is_true(value) : json_number_value(value));
        d->r->fields++;
    }
    return 0;
}

static int line_read(struct reading *d)
{
    if (!json_is_object(d->line))
        return reading_refuse(d, "an object {...} is wanted in each line");
    d->r->id = json_string_value(json_object_get(d->line, "id"));
    RT_TRY(json_object_get(d->line, "audio_filepath") ? nemo_read(d) : lhotse_read(d));
    if (!*d->r->path)
        return reading_refuse(d, "the path of the recording is empty");
    return fields_read(d);
}

int rt_jsonl_read(struct rt_jsonl_row *r, const char *line, size_t size, const char *name, int number,
                  struct rt_error *e)
{
    json_t *json;
    json_error_t wrong;
    *r = (struct rt_jsonl_row){.channel = -1, .end = INFINITY};
    int rc = rt_json_read(&json, line, size, JSON_REJECT_DUPLICATES, &wrong);
    if (rc == RT_EMEM)
        return rt_error_set(e, rc, "%s:%d: out of memory", name, number);
    if (rc < 0)
        return rt_error_set(e, rc, "%s:%d: not JSON: %.120s at byte %d", name, number, wrong.text, wrong.position);
    r->json = json;
    struct reading d = {.r = r, .line = json, .name = name, .number = number, .e = e};
    rc = line_read(&d);
    if (rc < 0)
        rt_jsonl_fini(r);
    return rc;
}

void rt_jsonl_fini(struct rt_jsonl_row *r)
{
    json_decref(r->json);
    *r = (struct rt_jsonl_row){.channel = -1};
}

const char *rt_jsonl_field(const struct rt_jsonl_row *r, const char *name)
{
    for (int i = 0; i < r->fields; i++)
        if (!strcmp(r->field[i].name, name))
            return r->field[i].text ? r->field[i].text : r->field[i].number;
    return NULL;
}
