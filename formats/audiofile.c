/* SPDX-License-Identifier: MIT
 * audiofile: libsndfile reads the bytes block by block, audiofile_feed.c mixes them and brings them to
 * 16 kHz on the way, so that memory holds the result and one block. No global state: any thread. */
#include "formats/audiofile.h"
#include "formats/audiofile_feed.h"
#include "formats/audiofile_whole.h"
#include <sndfile.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- bytes as a file ----
 * The caller has read the file already: its bytes are also what the sample's key is a hash of, and
 * the file may change between two readings. libsndfile therefore reads from memory, through calls
 * that cannot leave the bytes whatever offsets a damaged file asks for. */

/* The bytes as libsndfile's virtual file. */
struct memory {
    const uint8_t *bytes;
    sf_count_t size, at;
};

static sf_count_t memory_length(void *user)
{
    return ((struct memory *)user)->size;
}

static sf_count_t memory_tell(void *user)
{
    return ((struct memory *)user)->at;
}

static sf_count_t memory_seek(sf_count_t offset, int whence, void *user)
{
    struct memory *m = user;
    sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? m->at : m->size;
    if (offset < -from || offset > m->size - from)
        return -1;
    return m->at = from + offset;
}

static sf_count_t memory_read(void *out, sf_count_t count, void *user)
{
    struct memory *m = user;
    if (count > m->size - m->at)
        count = m->size - m->at;
    if (count <= 0)
        return 0;
    memcpy(out, m->bytes + m->at, (size_t)count);
    m->at += count;
    return count;
}

static sf_count_t memory_write(const void *data, sf_count_t count, void *user)
{
    (void)data, (void)count, (void)user;
    return 0;
}

/* ---- one decoding ----
 * Block by block, since a recording may be hours long and of many channels, and only the mixed,
 * resampled result is kept. Its length is checked against the limit as it grows and not only from
 * the header, which a stream does not have or which may be wrong. */

/* What one decoding holds; freed as a whole. */
struct job {
    struct memory memory;
    SNDFILE *file;
    SF_INFO info;
    struct rt_audio_scan *scan; /* NULL: nobody asks */
    float *block; /* [RT_AUDIO_BLOCK, channels] */
    struct rt_audio_feed feed;
    const char *name;
    struct rt_error *e;
};

static void job_fini(struct job *j)
{
    if (j->file)
        sf_close(j->file);
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

static int job_open(struct job *j)
{
    static SF_VIRTUAL_IO io = {memory_length, memory_seek, memory_read, memory_write, memory_tell};
    size_t at;
    const char *damage = rt_audio_damage(j->memory.bytes, (size_t)j->memory.size, &at);
    if (damage)
        return rt_error_set(j->e, RT_EFORMAT, "%s: byte %zu: %s; fetch or record the file again",
                            j->name, at, damage);
    j->file = sf_open_virtual(&io, SFM_READ, &j->info, &j->memory);
    if (!j->file)
        return rt_error_set(
            j->e, RT_EFORMAT,
            "%s: not a whole recording of a known kind (WAV, FLAC, Ogg Vorbis, Opus, MP3)",
            j->name);
    const SF_INFO *i = &j->info;
    if (i->channels < 1 || i->channels > RT_AUDIO_CHANNELS_MAX)
        return rt_error_set(j->e, RT_EFORMAT, "%s: %d channels; 1 to %d are read", j->name,
                            i->channels, RT_AUDIO_CHANNELS_MAX);
    if (i->samplerate < RT_AUDIO_RATE_MIN || i->samplerate > RT_AUDIO_RATE_MAX)
        return rt_error_set(j->e, RT_EFORMAT, "%s: sampling rate %d Hz; %d to %d are read", j->name,
                            i->samplerate, RT_AUDIO_RATE_MIN, RT_AUDIO_RATE_MAX);
    if (i->frames < SF_COUNT_MAX && i->frames / i->samplerate > RT_AUDIO_SECONDS_MAX)
        return job_too_long(j);
    j->block = malloc(sizeof *j->block * RT_AUDIO_BLOCK * (size_t)i->channels);
    return j->block && rt_audio_feed_begin(&j->feed, i->samplerate) == 0 ? 0 : job_memory(j);
}

/* What the feed refused, in words. */
static int job_refuse(struct job *j, int rc)
{
    if (rc == RT_ENOTFINITE)
        return rt_error_set(j->e, rc, "%s: sample %zu is not finite", j->name, j->feed.read);
    return rc == RT_ELARGE ? job_too_long(j) : rc == RT_EMEM ? job_memory(j) : rc;
}

static int job_read(struct job *j)
{
    sf_count_t total = 0, frames;
    while ((frames = sf_readf_float(j->file, j->block, RT_AUDIO_BLOCK)) > 0) {
        RT_TRY(job_refuse(j, rt_audio_feed_add(&j->feed, j->block, (size_t)frames, j->info.channels)));
        if (j->scan)
            rt_audio_scan_add(j->scan, j->block, (size_t)frames);
        total += frames;
    }
    RT_TRY(job_refuse(j, rt_audio_feed_end(&j->feed)));
    if (sf_error(j->file) || (j->info.frames < SF_COUNT_MAX && total < j->info.frames))
        return rt_error_set(j->e, RT_EFORMAT, "%s: damaged or cut short after %lld of %lld samples",
                            j->name, (long long)total, (long long)j->info.frames);
    if (j->feed.count == 0)
        return rt_error_set(j->e, RT_EEMPTY, "%s: a recording without a single sample", j->name);
    return 0;
}

/* ---- the whole ---- */

static int audio_decode(struct rt_audio *a, bool scan, const void *bytes, size_t size,
                        const char *name, struct rt_error *e)
{
    *a = (struct rt_audio){0};
    if (size == 0)
        return rt_error_set(e, RT_EEMPTY, "%s: the file is empty", name);
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return rt_error_set(e, RT_EMEM, "%s: out of memory for the recording", name);
    j->memory = (struct memory){.bytes = bytes, .size = (sf_count_t)size};
    j->name = name;
    j->e = e;
    int rc = job_open(j);
    if (rc < 0)
        goto out;
    if (scan && rt_audio_scan_create(&j->scan, j->info.channels) < 0) {
        rc = job_memory(j);
        goto out;
    }
    rc = job_read(j);
    if (rc < 0)
        goto out;
    *a = (struct rt_audio){.sample = j->feed.sample,
                           .count = j->feed.count,
                           .source_rate = j->info.samplerate,
                           .source_channels = j->info.channels};
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
