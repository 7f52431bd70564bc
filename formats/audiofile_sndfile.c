/* SPDX-License-Identifier: MIT
 * audiofile_sndfile: WAV, FLAC, Ogg Vorbis, Opus and their kin, by libsndfile. Its MP3 is not used:
 * the length that it believes is an estimate (audiofile_mp3.c). */
#include "formats/audiofile_parts.h"
#include "formats/audiofile_whole.h"
#include "formats/filekind.h"
#include <sndfile.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- bytes as a file ----
 * The caller has read the file already: its bytes are also what the sample's key is a hash of, and
 * the file may change between two readings. libsndfile therefore reads from memory, through calls
 * that cannot leave the bytes whatever offsets a damaged file asks for. Of a long recording of which a part is wanted
 * the same calls read the file itself, where libsndfile asks for it. */

/* The bytes as libsndfile's virtual file. */
struct memory {
    const uint8_t *bytes; /* NULL: on disk */
    const struct rt_input *disk;
    sf_count_t size, at;
    sf_count_t unsized; /* here libsndfile sees the largest size instead of 0, and reads to the end; 0 = nowhere */
    SNDFILE *file;
    sf_count_t given; /* frames */
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
    if (!m->bytes)
        count = rt_input_read(m->disk, m->at, out, (size_t)count, NULL);
    else
        memcpy(out, m->bytes + m->at, (size_t)count);
    if (count <= 0)
        return 0;
    for (sf_count_t i = m->unsized; m->unsized && i < m->unsized + 4; i++)
        if (i >= m->at && i < m->at + count)
            ((uint8_t *)out)[i - m->at] = 0x7f;
    m->at += count;
    return count;
}

static sf_count_t memory_write(const void *data, sf_count_t count, void *user)
{
    (void)data, (void)count, (void)user;
    return 0;
}

/* ---- the reader ---- */

/* Why is known to libsndfile only for the process as a whole, and another thread may have opened a file since. */
static int sndfile_refuse(struct rt_recording *r)
{
    const char *words = r->bytes ? rt_filekind_of(r->bytes, r->size).words : NULL;
    if (!words)
        return rt_error_set(r->e, RT_EFORMAT, "%s: not a recording, or of a kind that is not known here", r->name);
    return rt_error_set(r->e, RT_EFORMAT,
                        "%s: %s that is damaged, or in an encoding that libsndfile does not read; fetch the file "
                        "again, or convert it to PCM WAV or FLAC",
                        r->name, words);
}

static int sndfile_open(struct rt_recording *r)
{
    static SF_VIRTUAL_IO io = {memory_length, memory_seek, memory_read, memory_write, memory_tell};
    struct memory *m = r->decoder = calloc(1, sizeof *m);
    SF_INFO info = {0};
    if (!m)
        return rt_error_set(r->e, RT_EMEM, "%s: out of memory for the recording", r->name);
    m->bytes = r->bytes;
    m->disk = r->disk;
    m->size = (sf_count_t)r->size;
    m->unsized = (sf_count_t)r->unsized;
    m->file = sf_open_virtual(&io, SFM_READ, &info, m);
    if (!m->file)
        return sndfile_refuse(r);
    r->rate = info.samplerate;
    r->channels = info.channels;
    r->promised = info.frames < SF_COUNT_MAX ? info.frames : -1;
    return 0;
}

static int64_t sndfile_read(struct rt_recording *r, float *frames, int64_t count)
{
    struct memory *m = r->decoder;
    sf_count_t got = sf_readf_float(m->file, frames, count);
    if (got <= 0 && sf_error(m->file))
        return rt_error_set(r->e, RT_EFORMAT,
                            "%s: damaged or cut short after %lld of %lld samples (%s); fetch or record the file again",
                            r->name, (long long)m->given, (long long)r->promised, sf_strerror(m->file));
    m->given += got > 0 ? got : 0;
    return got < 0 ? 0 : got;
}

/* Where each sample stands by itself, and FLAC, whose blocks do. Vorbis, Opus, ADPCM and GSM carry state from block to
 * block: what follows a seek is not the same to the last bit. */
static bool format_can_seek(int format)
{
    int kind = format & SF_FORMAT_SUBMASK;
    return (kind >= SF_FORMAT_PCM_S8 && kind <= SF_FORMAT_DOUBLE) || kind == SF_FORMAT_ULAW || kind == SF_FORMAT_ALAW;
}

static int sndfile_seek(struct rt_recording *r, int64_t frame)
{
    struct memory *m = r->decoder;
    SF_INFO info;
    if (sf_command(m->file, SFC_GET_CURRENT_SF_INFO, &info, sizeof info) || !info.seekable ||
        !format_can_seek(info.format))
        return -1;
    m->given = frame;
    return sf_seek(m->file, frame, SEEK_SET) == frame ? 0 : -1;
}

static void sndfile_close(struct rt_recording *r)
{
    struct memory *m = r->decoder;
    if (m && m->file)
        sf_close(m->file);
    free(m);
}

const struct rt_audio_reader rt_audio_sndfile = {sndfile_open, sndfile_read, sndfile_close, sndfile_seek,
                                                rt_audio_ogg_link_end};
