/* SPDX-License-Identifier: MIT
 * audiofile: the decoder of its kind reads a file block by block, audiofile_feed.c mixes the blocks
 * and brings them to 16 kHz on the way, so that memory holds the result and one block. No global state: any thread. */
#include "formats/audiofile.h"
#include "formats/audiofile_channels.h"
#include "formats/audiofile_feed.h"
#include "formats/audiofile_parts.h"
#include "formats/audiofile_whole.h"
#include "formats/filekind.h"
#include <math.h>
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
    struct rt_extent extent;
    int64_t first, behind; /* frames of the window; behind INT64_MAX = to the end */
    int64_t at;            /* frame of the file that is read next, over all links */
    bool sought;           /* the decoder began at `first` */
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
    if (j->extent.channel > r->channels)
        return rt_error_set(j->e, RT_ERANGE, "%s: channel %d: the recording has %d, counted from 0", j->name,
                            j->extent.channel - 1, r->channels);
    return !j->extent.timed && r->promised / r->rate > RT_AUDIO_SECONDS_MAX ? job_too_long(j) : 0;
}

/* Frames are counted as who cuts files by hand would: each end rounded to the nearest. */
static void job_set_window(struct job *j)
{
    const struct rt_extent *x = &j->extent;
    j->behind = x->timed && isfinite(x->end) ? llround(x->end * j->rate) : INT64_MAX;
    j->first = x->timed ? llround(x->start * j->rate) : 0;
}

static int job_beyond(struct job *j, int64_t length)
{
    const struct rt_extent *x = &j->extent;
    bool begins = j->first >= length;
    return rt_error_set(j->e, RT_ERANGE, "%s: %s %.7g s lies beyond the recording, which is %.7g s long", j->name,
                        begins ? "start" : "end", begins ? x->start : x->end, (double)length / j->rate);
}

/* length: of the whole recording, as far as it matters to the window. */
static int job_check_window(struct job *j, int64_t length)
{
    int64_t slack = (int64_t)(RT_EXTENT_SLACK * j->rate) + 1;
    if (!j->extent.timed || (j->first < length && (j->behind == INT64_MAX || j->behind <= length + slack)))
        return 0;
    return job_beyond(j, length);
}

/* Opens a recording, one link of a file. */
static int job_open(struct job *j, struct rt_recording r)
{
    j->r = r;
    j->r.name = j->name;
    j->r.e = j->e;
    j->r.promised = -1;
    j->open = true;
    RT_TRY(j->reader->open(&j->r));
    RT_TRY(job_check_kind(j));
    if (j->rate)
        return 0; /* a further link: the same block, and what is read goes on */
    j->rate = j->r.rate;
    j->channels = j->r.channels;
    j->sums.count = j->extent.channel ? 1 : j->channels;
    job_set_window(j);
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

/* What of the block's frames lies in the window: moved to its front, of the chosen channel alone. */
static int64_t job_cut(struct job *j, int64_t frames)
{
    int64_t from = j->first > j->at ? j->first - j->at : 0;
    int64_t to = j->behind - j->at < frames ? j->behind - j->at : frames;
    j->at += frames;
    if (from >= to)
        return 0;
    size_t channels = (size_t)j->channels, n = (size_t)(to - from), pick = (size_t)j->extent.channel;
    float *in = j->block + channels * (size_t)from;
    if (!pick && from)
        memmove(j->block, in, n * channels * sizeof *in);
    for (size_t i = 0; pick && i < n; i++)
        j->block[i] = in[i * channels + pick - 1];
    return (int64_t)n;
}

/* Reads the open link to its end, or the window's. */
static int job_read_link(struct job *j)
{
    int channels = j->sums.count;
    int64_t total = 0, frames = 0;
    while (j->at < j->behind && (frames = j->reader->read(&j->r, j->block, RT_AUDIO_BLOCK)) > 0) {
        total += frames;
        size_t n = (size_t)job_cut(j, frames);
        RT_TRY(job_refuse(j, rt_audio_feed_add(&j->feed, j->block, n, channels)));
        if (!j->feed.only && channels > 1)
            rt_audio_channels_add(&j->sums, j->block, n);
        if (!j->feed.only && j->scan && n)
            rt_audio_scan_add(j->scan, j->block, n);
    }
    RT_TRY((int)frames);
    if (j->at < j->behind && (j->sought ? j->at : total) < j->r.promised)
        return rt_error_set(j->e, RT_EFORMAT,
                            "%s: damaged or cut short after %lld of %lld samples; fetch or record the file again",
                            j->name, (long long)(j->sought ? j->at : total), (long long)j->r.promised);
    return 0;
}

static int job_begin_scan(struct job *j, bool scan)
{
    return scan && !j->scan && rt_audio_scan_create(&j->scan, j->sums.count) < 0 ? job_memory(j) : 0;
}

static int job_end(struct job *j)
{
    RT_TRY(job_refuse(j, rt_audio_feed_end(&j->feed)));
    if (j->feed.count == 0)
        return rt_error_set(j->e, RT_EEMPTY, "%s: a recording without a single sample", j->name);
    return 0;
}

/* All links of the file, one after the other. */
static int job_read(struct job *j, const uint8_t *bytes, size_t size, size_t unsized, bool scan)
{
    j->at = 0;
    for (size_t at = 0, end; at < size; at = end) {
        end = j->reader->link_end ? j->reader->link_end(bytes, size, at) : size;
        RT_TRY(job_open(j, (struct rt_recording){.bytes = bytes + at, .size = end - at, .unsized = unsized}));
        RT_TRY(job_begin_scan(j, scan));
        RT_TRY(job_read_link(j));
        job_close(j);
    }
    if (j->at < j->behind)
        RT_TRY(job_check_window(j, j->at));
    return job_end(j);
}

/* ---- the whole ---- */

/* Whether what was read can stand; else it has to be read again, with j->feed.only set. */
static bool job_has_cancelled(const struct job *j)
{
    return j->sums.count > 1 && rt_audio_channels_likeness(&j->sums) < RT_AUDIO_OPPOSED;
}

static int job_begin_again(struct job *j)
{
    if (rt_audio_feed_begin(&j->feed, j->rate) < 0)
        return job_memory(j);
    j->feed.only = 1 + rt_audio_channels_loudest(&j->sums);
    return 0;
}

static int job_run(struct job *j, const uint8_t *bytes, size_t size, bool scan)
{
    j->reader = reader_of(bytes, size, j->name, j->e);
    if (!j->reader)
        return RT_EFORMAT;
    size_t unsized;
    RT_TRY(rt_audio_check_whole(bytes, size, j->name, &unsized, j->e));
    RT_TRY(job_read(j, bytes, size, unsized, scan));
    if (!job_has_cancelled(j))
        return 0;
    RT_TRY(job_begin_again(j));
    return job_read(j, bytes, size, unsized, false);
}

/* ---- a part of a long recording ----
 * Found by a seek and not by decoding all before it, where the kind lets every sample be found exactly: an hour with a
 * thousand parts is then read once in all, not a thousand times. Whether the file is whole is not asked: what lies in
 * the part is read, or it is refused. Where this cannot be done (another kind, a WAV that does not say how long it is)
 * the file is read as a whole and what is not wanted dropped. */

/* 1: done; 0: it has to be read as a whole. */
static int job_seek(struct job *j, const struct rt_input *in)
{
    struct rt_error none = {0}, *e = j->e;
    j->e = &none; /* the reading of the whole says what is wrong, better than this one */
    int rc = job_open(j, (struct rt_recording){.size = in->size, .disk = in});
    j->e = j->r.e = e;
    if (rc < 0 || j->r.promised <= 0)
        return 0;
    RT_TRY(job_check_window(j, j->r.promised));
    if (j->reader->seek(&j->r, j->first) < 0)
        return 0;
    j->at = j->first;
    j->sought = true;
    return 1;
}

static int job_run_part(struct job *j, const struct rt_input *in, bool scan, bool *done)
{
    uint8_t head[64];
    int64_t n = rt_input_read(in, 0, head, sizeof head, j->e);
    RT_TRY((int)n);
    *done = false;
    if (!j->extent.timed || rt_filekind_of(head, (size_t)n).id != RT_KIND_WAV)
        return 0;
    j->reader = &rt_audio_sndfile;
    int rc = job_seek(j, in);
    if (rc <= 0)
        return rc;
    RT_TRY(job_begin_scan(j, scan));
    RT_TRY(job_read_link(j));
    if (job_has_cancelled(j)) {
        RT_TRY(job_begin_again(j));
        RT_TRY(j->reader->seek(&j->r, j->at = j->first));
        RT_TRY(job_read_link(j));
    }
    *done = true;
    return job_end(j);
}

static int job_run_disk(struct job *j, const struct rt_input *in, bool scan)
{
    bool done;
    uint8_t *bytes;
    RT_TRY(job_run_part(j, in, scan, &done));
    if (done)
        return 0;
    job_fini(j);
    *j = (struct job){.name = j->name, .e = j->e, .extent = j->extent};
    RT_TRY(rt_input_read_all(in, &bytes, j->e));
    int rc = job_run(j, bytes, in->size, scan);
    job_close(j);
    free(bytes);
    return rc;
}

/* ---- the doors ---- */

int rt_audio_decode(struct rt_audio *a, const struct rt_input *in, bool scan, struct rt_error *e)
{
    *a = (struct rt_audio){0};
    if (in->size == 0)
        return rt_error_set(e, RT_EEMPTY, "%s: the file is empty", in->name);
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return rt_error_set(e, RT_EMEM, "%s: out of memory for the recording", in->name);
    j->name = in->name;
    j->e = e;
    j->extent = in->extent;
    int rc = in->bytes ? job_run(j, in->bytes, in->size, scan) : job_run_disk(j, in, scan);
    if (rc < 0)
        goto out;
    *a = (struct rt_audio){.sample = j->feed.sample,
                           .count = j->feed.count,
                           .only = j->feed.only - 1};
    if (scan)
        a->source = rt_audio_scan_result(j->scan);
    j->feed.sample = NULL;
out:
    job_fini(j);
    free(j);
    return rc;
}

/* What the window holds of the recording that the header promises; 0 = it has to be decoded. */
static double job_seconds(struct job *j, const struct rt_input *in)
{
    j->reader = &rt_audio_sndfile;
    if (job_open(j, (struct rt_recording){.bytes = in->bytes, .size = in->size, .disk = in}) < 0 ||
        j->r.promised <= 0 || job_check_window(j, j->r.promised) < 0 || j->reader->seek(&j->r, j->first) < 0)
        return 0;
    int64_t end = j->behind < j->r.promised ? j->behind : j->r.promised;
    return (double)(end - j->first) / j->rate;
}

int rt_audio_seconds(const struct rt_input *in, double *seconds, struct rt_error *e)
{
    struct rt_audio a;
    struct rt_error none = {0}; /* the reading of the whole says what is wrong, better than this one */
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return rt_error_set(e, RT_EMEM, "%s: out of memory for the recording", in->name);
    j->name = in->name;
    j->extent = in->extent;
    j->e = &none;
    *seconds = job_seconds(j, in);
    job_fini(j);
    free(j);
    if (*seconds > 0)
        return 0;
    RT_TRY(rt_audio_decode(&a, in, false, e));
    *seconds = (double)a.count / RT_AUDIO_RATE;
    rt_audio_fini(&a);
    return 0;
}

void rt_audio_fini(struct rt_audio *a)
{
    free(a->sample);
    *a = (struct rt_audio){0};
}
