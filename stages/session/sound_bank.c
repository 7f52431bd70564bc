/* SPDX-License-Identifier: MIT
 * sound_bank: see sound_bank.h. */
#include "stages/session/sound_bank.h"

#include "formats/audiofile.h"
#include "formats/hash.h"
#include "formats/manifest.h"
#include "formats/filewalk.h"
#include "formats/path.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KINDS 32
#define NAME 64
#define ROOM_SECONDS 10.0 /* a longer recording is no response of a room */
#define VOICES_LEAST 3
#define VOICES_MOST 7
#define BABBLE "babble"

struct sound {
    char *path;
    struct rt_extent extent;
    double seconds;
    int kind;
};

struct sounds {
    struct sound *sound; /* [count] by kind, then path */
    int count, room;
};

struct kind {
    char name[NAME];
    double low, high; /* dB; NAN = as the settings say now */
    int first, count; /* of its sounds */
    bool voices;      /* of the training split */
};

struct rt_sound_bank {
    struct rt_sounds face;
    struct rt_datafiles *sources;
    const struct rt_dataset *dataset;
    struct sounds noises, rooms;
    struct kind kind[KINDS];
    int kinds;
    int *voice; /* [voices] rows */
    struct rt_raw_source from; /* of their recordings */
    int voices, speaker; /* column that says whose they are, or -1 */
    int unusable;
    char example[400];
};

/* ---- what is there ----
 * A folder is taken as MUSAN and RIRS_NOISES come: of noises each folder right below it is a kind, of rooms all that is
 * no noise is a response. Only headers are read, but of kinds that do not say how long they are. */

struct listing {
    struct rt_sound_bank *bank;
    struct sounds *to;
    bool rooms;
    struct rt_error *e;
};

static int bank_kind(struct rt_sound_bank *b, const char *name, size_t length, struct rt_error *e)
{
    for (int i = 0; i < b->kinds; i++)
        if (strlen(b->kind[i].name) == length && !memcmp(b->kind[i].name, name, length))
            return i;
    if (b->kinds == KINDS || length >= NAME)
        return rt_error_set(e, RT_ELARGE,
                            "augment.noise_from: more than %d kinds of noise, or a name of more than %d bytes: "
                            "choose with augment.noise_kinds",
                            KINDS, NAME - 1);
    struct kind *k = &b->kind[b->kinds];
    *k = (struct kind){.low = NAN, .high = NAN};
    memcpy(k->name, name, length);
    return b->kinds++;
}

static void bank_pass_over(struct rt_sound_bank *b, const char *why)
{
    if (b->unusable++ == 0)
        snprintf(b->example, sizeof b->example, "%.390s", why);
}

/* A file that cannot be read is passed over, and said. */
static int sound_add(struct listing *l, const char *path, const struct rt_extent *x, int kind)
{
    struct rt_datafile s;
    struct rt_error why = {0};
    struct sound new = {.extent = *x, .kind = kind};
    int rc = rt_datafile_open(&s, l->bank->sources, path, &(struct rt_extent){.timed = true, .end = INFINITY}, &why);
    if (rc == 0) {
        s.input.extent = *x;
        rc = rt_audio_seconds(&s.input, &new.seconds, &why);
        rt_datafile_close(&s);
    }
    if (rc == 0 && l->rooms && new.seconds > ROOM_SECONDS)
        rc = rt_error_set(&why, RT_ELARGE, "%s: %.1f s long, and so no response of a room", path, new.seconds);
    if (rc == RT_EMEM)
        return rt_error_set(l->e, RT_EMEM, "%s: out of memory", path);
    if (rc < 0)
        return bank_pass_over(l->bank, why.text), 0;
    struct sounds *to = l->to;
    if (to->count == to->room) {
        int room = to->room ? 2 * to->room : 256;
        struct sound *more = realloc(to->sound, (size_t)room * sizeof *more);
        if (!more)
            return rt_error_set(l->e, RT_EMEM, "%s: out of memory", path);
        to->sound = more;
        to->room = room;
    }
    if (!(new.path = strdup(path)))
        return rt_error_set(l->e, RT_EMEM, "%s: out of memory", path);
    to->sound[to->count++] = new;
    return 0;
}

/* RIRS_NOISES holds noises beside its rooms, and the rooms' own noise. */
static bool file_is_room(const char *below)
{
    const char *name = strrchr(below, '/');
    return strncmp(below, "pointsource_noises/", 19) && !strstr(below, "/pointsource_noises/") &&
           !strstr(name ? name : below, "_noise_");
}

static int listing_add_file(void *self, const char *path, const char *below)
{
    struct listing *l = self;
    const char *slash = strchr(below, '/');
    const struct rt_extent whole = {0}, first = {.channel = 1};
    if (rt_walk_modality(path) != RT_SPEECH)
        return 0;
    if (l->rooms) /* of an array's microphones one: their mean is no room */
        return file_is_room(below) ? sound_add(l, path, &first, 0) : 0;
    int kind = bank_kind(l->bank, slash ? below : "", slash ? (size_t)(slash - below) : 0, l->e);
    return kind < 0 ? kind : sound_add(l, path, &whole, kind);
}

static int listing_add_manifest(struct listing *l, const char *path)
{
    struct rt_manifest *m;
    char buffer[4352];
    int rc = rt_manifest_load(&m, path, l->e);
    RT_TRY(rc);
    if (rt_manifest_column(m, "speech") < 0)
        rc = rt_error_set(l->e, RT_EMISMATCH, "%s: there is no column 'speech' with recordings", path);
    int column = rt_manifest_column(m, "kind");
    for (int row = 0; rc == 0 && row < rt_manifest_rows(m); row++) {
        const char *name = rt_manifest_cell(m, row, column),
                   *file = rt_manifest_file(m, row, RT_SPEECH, buffer, sizeof buffer);
        struct rt_extent x = rt_manifest_extent(m, row, RT_SPEECH);
        if (l->rooms && !x.channel)
            x.channel = 1;
        int kind = l->rooms ? 0 : bank_kind(l->bank, name, strlen(name), l->e);
        rc = kind < 0 ? kind : *file ? sound_add(l, file, &x, kind) : 0;
    }
    rt_manifest_destroy(m);
    return rc;
}

static int sound_compare(const void *a, const void *b)
{
    const struct sound *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind - y->kind;
    int order = strcmp(x->path, y->path);
    return order ? order : (x->extent.start > y->extent.start) - (x->extent.start < y->extent.start);
}

/* key: of the setting, for messages. */
static int bank_list(struct rt_sound_bank *b, struct sounds *to, bool rooms, const char *from, const char *key,
                     struct rt_error *e)
{
    struct listing l = {.bank = b, .to = to, .rooms = rooms, .e = e};
    b->unusable = 0;
    RT_TRY(rt_path_ends_in(from, ".tsv") ? listing_add_manifest(&l, from)
                                         : rt_walk_files(from, listing_add_file, &l, e));
    if (to->count)
        qsort(to->sound, (size_t)to->count, sizeof *to->sound, sound_compare);
    if (to->count)
        return 0;
    return rt_error_set(e, RT_ENODATA, "%s: no recording in %s can be used%s%s", key, from, b->unusable ? ": " : "",
                        b->unusable ? b->example : "");
}

/* ---- kinds ----
 * Named ones in their order, each as often; the others are not heard. */

static int kind_read(struct kind *k, const char *word, struct rt_error *e)
{
    char *end;
    size_t length = strcspn(word, " ");
    if (length >= NAME)
        return rt_error_set(e, RT_EUSAGE, "augment.noise_kinds: the name in '%.100s' is too long", word);
    *k = (struct kind){0};
    memcpy(k->name, word, length);
    k->low = strtod(word + length, &end);
    k->high = strtod(end, &end);
    if (end[strspn(end, " ")] || k->low > k->high || k->low < -20 || k->high > 60 || !strchr(word + length + 1, ' '))
        return rt_error_set(
            e, RT_EUSAGE,
            "augment.noise_kinds: '%.100s': write a name and the lowest and highest SNR, from -20 to 60, as "
            "noise 0 15",
            word);
    return 0;
}

/* Which sounds are of the kind; voices where no folder is called so. */
static int kind_find(struct kind *k, const struct kind *there, int kinds, struct rt_error *e)
{
    for (int i = 0; i < kinds; i++)
        if (!strcmp(there[i].name, k->name)) {
            k->first = there[i].first;
            k->count = there[i].count;
        }
    k->voices = k->count == 0 && !strcmp(k->name, BABBLE);
    if (k->count || k->voices)
        return 0;
    return rt_error_set(e, RT_EUSAGE,
                        "augment.noise_kinds: augment.noise_from has no usable recording of the kind '%s'", k->name);
}

static int bank_choose_kinds(struct rt_sound_bank *b, const char *list, struct rt_error *e)
{
    struct kind there[KINDS];
    int kinds = b->kinds;
    for (int i = 0; i < b->noises.count; i++) {
        struct kind *k = &b->kind[b->noises.sound[i].kind];
        k->first = k->count ? k->first : i;
        k->count++;
    }
    memcpy(there, b->kind, sizeof there);
    b->kinds = 0;
    for (int i = 0; !*list && i < kinds; i++)
        if (there[i].count)
            b->kind[b->kinds++] = there[i];
    for (const char *at = list; *at;) {
        char word[256];
        size_t length = strcspn(at, ",");
        if (b->kinds == KINDS || length >= sizeof word)
            return rt_error_set(e, RT_ELARGE, "augment.noise_kinds: more than %d, or a long name", KINDS);
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        RT_TRY(kind_read(&b->kind[b->kinds], word, e));
        RT_TRY(kind_find(&b->kind[b->kinds], there, kinds, e));
        b->kinds++;
        at += length + (at[length] == ',');
    }
    return 0;
}

/* ---- reading ---- */

/* Sample `k` of x [n] is to be out [k % n]: what is short is repeated. */
static void samples_repeat(const float *x, int64_t n, float *out, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = x[i % n];
}

static bool samples_are_silent(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (x[i] > 1e-6f || x[i] < -1e-6f)
            return false;
    return true;
}

/* The sound from second `from` (of it) on, `seconds` long. */
static int sound_read(struct rt_sound_bank *b, const struct sound *s, double from, double seconds, struct rt_audio *a,
                      struct rt_error *e)
{
    struct rt_datafile file;
    struct rt_extent x = s->extent;
    double begin = x.timed ? x.start : 0, end = begin + s->seconds;
    x.timed = true;
    x.start = begin + from;
    x.end = x.start + seconds < end ? x.start + seconds : end;
    RT_TRY(rt_datafile_open(&file, b->sources, s->path, &x, e));
    int rc = rt_audio_decode(a, &file.input, false, e);
    rt_datafile_close(&file);
    return rc;
}

/* A place of it that is not silent, of a few that are drawn. */
static int noise_read(struct rt_sound_bank *b, const struct sound *s, int64_t count, struct rt_rng *rng, float *noise,
                      struct rt_error *e)
{
    double wanted = (double)count / RT_AUDIO_RATE, spare = fmax(s->seconds - wanted, 0);
    for (int tries = 0; tries < 4; tries++) {
        struct rt_audio a;
        RT_TRY(sound_read(b, s, spare * rt_rng_unit(rng), wanted, &a, e));
        samples_repeat(a.sample, (int64_t)a.count, noise, count);
        rt_audio_fini(&a);
        if (!samples_are_silent(noise, count))
            return 0;
    }
    return rt_error_set(e, RT_ESILENT, "%s: nothing but silence where it was listened to: take it out of "
                                       "augment.noise_from", s->path);
}

/* ---- babble ----
 * As many people as a table in a restaurant, none of them twice and none of them whom the sample is of, each as loud.
 */

static const char *voice_speaker(const struct rt_sound_bank *b, int row)
{
    const struct rt_manifest *m = b->dataset->manifest;
    const char *who = rt_manifest_cell(m, row, b->speaker);
    return *who ? who : rt_manifest_cell(m, row, rt_manifest_column(m, "id"));
}

static int voice_add(struct rt_sound_bank *b, int row, int64_t count, struct rt_rng *rng, float *noise,
                     struct rt_error *e)
{
    struct rt_tensor voice;
    double power = 0;
    RT_TRY(rt_raw_load(&b->from, &rt_modality_speech, row, &voice, e));
    const float *x = voice.data;
    int64_t n = voice.dim[0], from = (int64_t)rt_rng_below(rng, (uint32_t)n);
    for (int64_t i = 0; i < n; i++)
        power += (double)x[i] * x[i];
    float scale = power > 0 ? (float)(0.1 / sqrt(power / (double)n)) : 0;
    for (int64_t i = 0; i < count; i++)
        noise[i] += scale * x[(from + i) % n];
    rt_tensor_fini(&voice);
    return 0;
}

static int babble_read(struct rt_sound_bank *b, int row, int64_t count, struct rt_rng *rng, float *noise,
                       struct rt_error *e)
{
    const char *who[VOICES_MOST + 1] = {voice_speaker(b, row)};
    int wanted = VOICES_LEAST + (int)rt_rng_below(rng, VOICES_MOST - VOICES_LEAST + 1), found = 0;
    memset(noise, 0, (size_t)count * sizeof *noise);
    for (int tries = 0; found < wanted && tries < 8 * VOICES_MOST; tries++) {
        int voice = b->voice[rt_rng_below(rng, (uint32_t)b->voices)], known = 0;
        const char *speaker = voice_speaker(b, voice);
        for (int i = 0; i <= found; i++)
            known += voice == row || !strcmp(who[i], speaker);
        if (known)
            continue;
        RT_TRY(voice_add(b, voice, count, rng, noise, e));
        who[++found] = speaker;
    }
    return found ? 0 : rt_error_set(e, RT_ENODATA, "babble: no voice of another speaker in the training split");
}

/* ---- the face ---- */

static int bank_noise(void *self, int row, int64_t count, double low, double high, struct rt_rng *rng, float *noise,
                      double *snr, struct rt_error *e)
{
    struct rt_sound_bank *b = self;
    const struct kind *k = &b->kind[rt_rng_below(rng, (uint32_t)b->kinds)];
    low = isnan(k->low) ? low : k->low;
    high = isnan(k->high) ? high : k->high;
    *snr = low + rt_rng_unit(rng) * (high - low);
    if (k->voices)
        return babble_read(b, row, count, rng, noise, e);
    return noise_read(b, &b->noises.sound[k->first + (int)rt_rng_below(rng, (uint32_t)k->count)], count, rng, noise, e);
}

static int bank_room(void *self, struct rt_rng *rng, float **response, int64_t *count, struct rt_error *e)
{
    struct rt_sound_bank *b = self;
    struct rt_audio a;
    const struct sound *s = &b->rooms.sound[rt_rng_below(rng, (uint32_t)b->rooms.count)];
    RT_TRY(sound_read(b, s, 0, s->seconds, &a, e));
    *response = a.sample;
    *count = (int64_t)a.count;
    return 0;
}

/* ---- the bank ---- */

static int bank_fill(struct rt_sound_bank *b, const struct rt_recipe *r, char *note, size_t size, struct rt_error *e)
{
    int unusable = 0;
    if (*r->augment_noise_from)
        RT_TRY(bank_list(b, &b->noises, false, r->augment_noise_from, "augment.noise_from", e));
    unusable = b->unusable;
    RT_TRY(bank_choose_kinds(b, r->augment_noise_kinds, e));
    if (*r->augment_rir_from)
        RT_TRY(bank_list(b, &b->rooms, true, r->augment_rir_from, "augment.rir_from", e));
    unusable += *r->augment_rir_from ? b->unusable : 0;
    int n = snprintf(note, size, "noise and rooms: %d recordings of %d kinds, %d responses", b->noises.count, b->kinds,
                     b->rooms.count);
    if (unusable && n > 0 && (size_t)n < size)
        snprintf(note + n, size - (size_t)n, "; %d files cannot be used, such as %s", unusable, b->example);
    b->face = (struct rt_sounds){.self = b, .noises = b->kinds > 0, .rooms = b->rooms.count > 0, .noise = bank_noise,
                                 .room = bank_room};
    return 0;
}

int rt_sound_bank_create(struct rt_sound_bank **out, const struct rt_recipe *r, const struct rt_dataset *d,
                         struct rt_datafiles *sources, char *note, size_t size, struct rt_error *e)
{
    *out = NULL;
    note[0] = '\0';
    if (r->augment_rir > 0 && !*r->augment_rir_from)
        return rt_error_set(e, RT_EUSAGE, "augment.rir is more than 0: say with augment.rir_from where the rooms are");
    if (!*r->augment_noise_from && !*r->augment_noise_kinds && !*r->augment_rir_from)
        return 0;
    struct rt_sound_bank *b = calloc(1, sizeof *b);
    if (!b)
        return rt_error_set(e, RT_EMEM, "no memory for the list of noises");
    b->sources = sources;
    b->dataset = d;
    int rc = bank_fill(b, r, note, size, e);
    if (rc < 0)
        rt_sound_bank_destroy(b);
    else
        *out = b;
    return rc;
}

int rt_sound_bank_take_voices(struct rt_sound_bank *b, const struct rt_raw_source *from, struct rt_error *e)
{
    bool wanted = false;
    for (int i = 0; b && i < b->kinds; i++)
        wanted = wanted || b->kind[i].voices;
    if (!wanted)
        return 0;
    const struct rt_dataset *d = b->dataset;
    b->from = *from;
    b->speaker = rt_manifest_column(d->manifest, "speaker");
    if (b->speaker < 0)
        b->speaker = rt_manifest_column(d->manifest, "label");
    if (rt_dataset_rows(d, RT_TRAIN, RT_SPEECH, false, &b->voice, &b->voices) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for the list of voices");
    if (b->voices >= VOICES_LEAST)
        return 0;
    return rt_error_set(e, RT_ENODATA, "augment.noise_kinds: babble needs %d training samples of speech or more",
                        VOICES_LEAST);
}

static void sounds_fini(struct sounds *s)
{
    for (int i = 0; i < s->count; i++)
        free(s->sound[i].path);
    free(s->sound);
}

void rt_sound_bank_destroy(struct rt_sound_bank *b)
{
    if (!b)
        return;
    sounds_fini(&b->noises);
    sounds_fini(&b->rooms);
    free(b->voice);
    free(b);
}

const struct rt_sounds *rt_sound_bank_sounds(const struct rt_sound_bank *b)
{
    return b ? &b->face : NULL;
}

static uint64_t sounds_digest(const struct sounds *s, uint64_t digest)
{
    for (int i = 0; i < s->count; i++) {
        const struct sound *x = &s->sound[i];
        double numbers[] = {x->seconds, x->extent.start, x->extent.end, x->extent.channel, x->kind};
        digest = rt_hash64(x->path, strlen(x->path), digest);
        digest = rt_hash64(numbers, sizeof numbers, digest);
    }
    return digest;
}

uint64_t rt_sound_bank_digest(const struct rt_sound_bank *b)
{
    uint64_t digest = sounds_digest(&b->rooms, sounds_digest(&b->noises, 0));
    for (int i = 0; i < b->kinds; i++)
        digest = rt_hash64(b->kind[i].name, strlen(b->kind[i].name), digest);
    return digest;
}
