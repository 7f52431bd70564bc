/* SPDX-License-Identifier: MIT
 * audiofile: the decoder of its kind reads a file block by block, audiofile_feed.c mixes the blocks
 * and brings them to 16 kHz on the way, so that memory holds the result and one block. No global state: any thread. */
#include "formats/audiofile.h"
#include "formats/audiofile_channels.h"
#include "formats/audiofile_feed.h"
#include "formats/audiofile_parts.h"
#include "formats/audiofile_whole.h"
#include "formats/filekind.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- the kind, by its first bytes ----
 * What this program was built without, what it never reads, and what is damaged are three answers, since three
 * different things help. */

#ifdef RT_HAVE_AV
#define AV &rt_audio_av
#define ALSO ", M4A, WebM, AAC, AMR, WMA"
#else
#define AV NULL
#define ALSO ""
#endif

static const struct {
    enum rt_filekind_id kind;
    const struct rt_audio_reader *reader;
} readers[] = {
    {RT_KIND_WAV, &rt_audio_sndfile}, {RT_KIND_OGG, &rt_audio_sndfile}, {RT_KIND_MP3, &rt_audio_mp3},
    {RT_KIND_MP4, AV},                {RT_KIND_WEBM, AV},               {RT_KIND_AAC, AV},
    {RT_KIND_AMR, AV},                {RT_KIND_ASF, AV},
    {RT_KIND_UNKNOWN, &rt_audio_sndfile}, /* NIST SPHERE, VOC and others: it knows more kinds than we name */
};

static const struct rt_audio_reader *reader_of(const uint8_t *bytes, size_t size, const char *name, struct rt_error *e)
{
    struct rt_filekind kind = rt_filekind_of(bytes, size);
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (readers[i].kind == kind.id) {
            if (!readers[i].reader)
                rt_error_set(e, RT_EFORMAT,
                             "%s: %s, which this retort was built without (meson -Dav=enabled); convert it to FLAC "
                             "or WAV",
                             name, kind.words);
            return readers[i].reader;
        }
    rt_error_set(e, RT_EFORMAT, "%s: %s; recordings are read as WAV, FLAC, Ogg Vorbis, Opus, MP3" ALSO, name,
                 kind.words);
    return NULL;
}

/* ---- one decoding ----
 * Block by block, since a recording may be hours long and of many channels, and only the mixed,
 * resampled result is kept. Its length is checked against the limit as it grows and not only from
 * the header, which a stream does not have or which may be wrong.
 *
 * Channels of opposite polarity (a cable soldered wrongly, a balanced pair recorded as stereo) cancel each other: the
 * average would be silence, or what noise is left. Whether they do is known when all has been read, so such a file, a
 * rare one, is read again with its loudest channel alone. */

/* What one decoding holds; freed as a whole. */
struct job {
    const struct rt_audio_reader *reader;
    struct rt_recording r; /* the link being read */
    bool open;
    int rate, channels; /* of the first link; 0 before */
    struct rt_audio_channels sums;
    struct rt_audio_scan *scan; /* NULL: nobody asks */
    float *block;               /* [RT_AUDIO_BLOCK, channels] */
    struct rt_audio_feed feed;
    const char *name;
    struct rt_error *e;
};

static void job_close(struct job *j)
{
    if (j->open)
        j->reader->close(&j->r);
    j->open = false;
}

static void job_fini(struct job *j)
{
    job_close(j);
    rt_audio_scan_destroy(j->scan);
    rt_audio_feed_fini(&j->feed);
    free(j->block);
}

static int job_memory(struct job *j)
{
    return rt_error_set(j->e, RT_EMEM, "%s: out of memory for the recording", j->name);
}

static int job_too_long(struct job *j)
{
    return rt_error_set(j->e, RT_ELARGE, "%s: longer than %d s; cut the recording into pieces",
                        j->name, RT_AUDIO_SECONDS_MAX);
}

static int job_check_kind(struct job *j)
{
    const struct rt_recording *r = &j->r;
    if (r->channels < 1 || r->channels > RT_AUDIO_CHANNELS_MAX)
        return rt_error_set(j->e, RT_EFORMAT, "%s: %d channels; 1 to %d are read", j->name, r->channels,
                            RT_AUDIO_CHANNELS_MAX);
    if (r->rate < RT_AUDIO_RATE_MIN || r->rate > RT_AUDIO_RATE_MAX)
        return rt_error_set(j->e, RT_EFORMAT, "%s: sampling rate %d Hz; %d to %d are read", j->name, r->rate,
                            RT_AUDIO_RATE_MIN, RT_AUDIO_RATE_MAX);
    if (j->rate && (j->rate != r->rate || j->channels != r->channels))
        return rt_error_set(j->e, RT_EFORMAT,
                            "%s: several recordings in one file, of %d Hz with %d channels and of %d Hz with %d; "
                            "make them files of their own",
                            j->name, j->rate, j->channels, r->rate, r->channels);
    return r->promised / r->rate > RT_AUDIO_SECONDS_MAX ? job_too_long(j) : 0;
}

/* Opens the link [from, to) of the file. */
static int job_open(struct job *j, const uint8_t *from, const uint8_t *to, size_t unsized)
{
    j->r = (struct rt_recording){.bytes = from,
                                 .size = (size_t)(to - from),
                                 .name = j->name,
                                 .e = j->e,
                                 .promised = -1,
                                 .unsized = unsized};
    j->open = true;
    RT_TRY(j->reader->open(&j->r));
    RT_TRY(job_check_kind(j));
    if (j->rate)
        return 0; /* a further link: the same block, and what is read goes on */
    j->rate = j->r.rate;
    j->channels = j->sums.count = j->r.channels;
    j->block = malloc(sizeof *j->block * RT_AUDIO_BLOCK * (size_t)j->channels);
    return j->block && rt_audio_feed_begin(&j->feed, j->rate) == 0 ? 0 : job_memory(j);
}

/* What the feed refused, in words. */
static int job_refuse(struct job *j, int rc)
{
    if (rc == RT_ENOTFINITE)
        return rt_error_set(j->e, rc, "%s: sample %zu is not finite", j->name, j->feed.read);
    return rc == RT_ELARGE ? job_too_long(j) : rc == RT_EMEM ? job_memory(j) : rc;
}

/* Reads the open link to its end. */
static int job_read_link(struct job *j)
{
    int64_t total = 0, frames;
    while ((frames = j->reader->read(&j->r, j->block, RT_AUDIO_BLOCK)) > 0) {
        RT_TRY(job_refuse(j, rt_audio_feed_add(&j->feed, j->block, (size_t)frames, j->channels)));
        if (!j->feed.only && j->channels > 1)
            rt_audio_channels_add(&j->sums, j->block, (size_t)frames);
        if (!j->feed.only && j->scan)
            rt_audio_scan_add(j->scan, j->block, (size_t)frames);
        total += frames;
    }
    RT_TRY((int)frames);
    if (total < j->r.promised)
        return rt_error_set(j->e, RT_EFORMAT,
                            "%s: damaged or cut short after %lld of %lld samples; fetch or record the file again",
                            j->name, (long long)total, (long long)j->r.promised);
    return 0;
}

/* All links of the file, one after the other. */
static int job_read(struct job *j, const uint8_t *bytes, size_t size, size_t unsized, bool scan)
{
    for (size_t at = 0, end; at < size; at = end) {
        end = j->reader->link_end ? j->reader->link_end(bytes, size, at) : size;
        RT_TRY(job_open(j, bytes + at, bytes + end, unsized));
        if (scan && !j->scan && rt_audio_scan_create(&j->scan, j->channels) < 0)
            return job_memory(j);
        RT_TRY(job_read_link(j));
        job_close(j);
    }
    RT_TRY(job_refuse(j, rt_audio_feed_end(&j->feed)));
    if (j->feed.count == 0)
        return rt_error_set(j->e, RT_EEMPTY, "%s: a recording without a single sample", j->name);
    return 0;
}

/* ---- the whole ---- */

static int job_run(struct job *j, const uint8_t *bytes, size_t size, bool scan)
{
    j->reader = reader_of(bytes, size, j->name, j->e);
    if (!j->reader)
        return RT_EFORMAT;
    size_t unsized;
    RT_TRY(rt_audio_check_whole(bytes, size, j->name, &unsized, j->e));
    RT_TRY(job_read(j, bytes, size, unsized, scan));
    if (j->channels == 1 || rt_audio_channels_likeness(&j->sums) >= RT_AUDIO_OPPOSED)
        return 0;
    if (rt_audio_feed_begin(&j->feed, j->rate) < 0)
        return job_memory(j);
    j->feed.only = 1 + rt_audio_channels_loudest(&j->sums);
    return job_read(j, bytes, size, unsized, false);
}

static int audio_decode(struct rt_audio *a, bool scan, const void *bytes, size_t size,
                        const char *name, struct rt_error *e)
{
    *a = (struct rt_audio){0};
    if (size == 0)
        return rt_error_set(e, RT_EEMPTY, "%s: the file is empty", name);
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return rt_error_set(e, RT_EMEM, "%s: out of memory for the recording", name);
    j->name = name;
    j->e = e;
    int rc = job_run(j, bytes, size, scan);
    if (rc < 0)
        goto out;
    *a = (struct rt_audio){.sample = j->feed.sample,
                           .count = j->feed.count,
                           .source_rate = j->rate,
                           .source_channels = j->channels,
                           .only = j->feed.only - 1};
    if (scan)
        a->source = rt_audio_scan_result(j->scan);
    j->feed.sample = NULL;
out:
    job_fini(j);
    free(j);
    return rc;
}

int rt_audio_decode(struct rt_audio *a, const void *bytes, size_t size, const char *name,
                    struct rt_error *e)
{
    return audio_decode(a, false, bytes, size, name, e);
}

int rt_audio_decode_scan(struct rt_audio *a, const void *bytes, size_t size, const char *name,
                         struct rt_error *e)
{
    return audio_decode(a, true, bytes, size, name, e);
}

void rt_audio_fini(struct rt_audio *a)
{
    free(a->sample);
    *a = (struct rt_audio){0};
}
