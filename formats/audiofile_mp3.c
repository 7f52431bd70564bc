/* SPDX-License-Identifier: MIT
 * audiofile_mp3: MPEG audio (MP3 and its older layers) by libmpg123, decoded to its end. A file without a Xing
 * header does not say how long it is; what others make of its size is a guess, often a wrong one. */
#include "formats/audiofile_parts.h"
#include "formats/filekind.h"
#include <mpg123.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FEED 65536 /* bytes handed over at once */
#define BEHIND 16384 /* a few frames: encoders do not agree on how many of the last ones count */
#define TAIL 4096  /* zeros that the last frame may end in, at most */

struct mp3 {
    mpg123_handle *handle;
    size_t begin, at; /* behind tags; bytes of the recording handed over so far */
    size_t last, end; /* the last that is not zero; the end, zeros included that may be the last frame's */
};

/* ---- tags around the sound ----
 * They may be larger than what libmpg123 is willing to skip while it looks for the next frame, for a
 * picture of the cover is among them. Zeros at the end come from programs that write whole blocks. */

/* Where the sound ends before tags (ID3v1, APEv2). */
static size_t mp3_end(const uint8_t *bytes, size_t at, size_t end)
{
    if (end - at >= 128 && !memcmp(bytes + end - 128, "TAG", 3))
        end -= 128;
    if (end - at >= 32 && !memcmp(bytes + end - 32, "APETAGEX", 8)) {
        const uint8_t *b = bytes + end - 32;
        size_t length = (size_t)b[12] | (size_t)b[13] << 8 | (size_t)b[14] << 16 | (size_t)b[15] << 24;
        length += b[23] & 0x80 ? 32 : 0; /* a header as well */
        end -= length < end - at ? length : end - at;
    }
    return end;
}

/* ---- files put together ----
 * `cat a.mp3 b.mp3` plays in every player, but the first header's length is that of the first alone, and what follows
 * would be dropped. A header of that kind (a frame that holds no sound, but Xing, Info or VBRI) begins the next one. */

static bool mp3_is_header(const uint8_t *b, size_t size)
{
    if (size < 40 || rt_filekind_of(b, size).id != RT_KIND_MP3 || (b[1] & 0x06) != 0x02)
        return false;
    bool one = (b[1] & 0x18) == 0x18, mono = (b[3] & 0xc0) == 0xc0; /* MPEG-1; channels */
    const uint8_t *tag = b + 4 + (one ? mono ? 17 : 32 : mono ? 9 : 17);
    return !memcmp(tag, "Xing", 4) || !memcmp(tag, "Info", 4) || !memcmp(b + 36, "VBRI", 4);
}

static size_t mp3_link_end(const uint8_t *bytes, size_t size, size_t at)
{
    size_t from = at + rt_filekind_behind_id3(bytes + at, size - at) + 1;
    while (from < size) {
        const uint8_t *sync = memchr(bytes + from, 0xff, size - from);
        if (!sync)
            return size;
        from = (size_t)(sync - bytes);
        if (mp3_is_header(sync, size - from))
            return from;
        from++;
    }
    return size;
}

/* ---- the reader ----
 * The bytes are fed piece by piece, as a stream: then libmpg123 knows no size to guess a length from, and the
 * length that it tells is that of a Xing header. A stream that turns into another one (rate, channels) ends there. */

static int mp3_damaged(struct rt_recording *r)
{
    struct mp3 *m = r->decoder;
    return rt_error_set(r->e, RT_EFORMAT, "%s: damaged MP3 after %lld samples: %s; fetch or record the file again",
                        r->name, (long long)mpg123_tell(m->handle), mpg123_strerror(m->handle));
}

/* More bytes for the decoder; 0 when there are none left. */
static int mp3_feed(struct rt_recording *r)
{
    struct mp3 *m = r->decoder;
    size_t end = m->at < m->last ? m->last : m->end, n = end - m->at < FEED ? end - m->at : FEED;
    if (!n)
        return 0;
    if (mpg123_feed(m->handle, r->bytes + m->at, n) != MPG123_OK)
        return rt_error_set(r->e, RT_EMEM, "%s: out of memory for the recording", r->name);
    m->at += n;
    return 1;
}

/* Feeds until the first frame has been found. */
static int mp3_find_format(struct rt_recording *r)
{
    struct mp3 *m = r->decoder;
    long rate;
    int encoding, rc;
    while ((rc = mpg123_getformat(m->handle, &rate, &r->channels, &encoding)) == MPG123_NEED_MORE) {
        int fed = mp3_feed(r);
        if (fed < 0)
            return fed;
        if (!fed)
            return rt_error_set(r->e, RT_EFORMAT, "%s: no whole frame of MP3 in %zu bytes", r->name, r->size);
    }
    if (rc != MPG123_OK)
        return mp3_damaged(r);
    if (encoding != MPG123_ENC_FLOAT_32)
        return rt_error_set(r->e, RT_EFORMAT, "%s: libmpg123 gives no floats", r->name);
    r->rate = (int)rate;
    off_t length = mpg123_length(m->handle);
    r->promised = length > 0 ? length : -1;
    return 0;
}

static int mp3_open(struct rt_recording *r)
{
    struct mp3 *m = r->decoder = calloc(1, sizeof *m);
    if (m)
        m->handle = mpg123_new(NULL, NULL);
    if (!m || !m->handle)
        return rt_error_set(r->e, RT_EMEM, "%s: out of memory for the recording", r->name);
    m->at = m->begin = rt_filekind_behind_id3(r->bytes, r->size);
    m->last = m->end = mp3_end(r->bytes, m->at, r->size);
    while (m->last > m->at && !r->bytes[m->last - 1])
        m->last--;
    m->end = m->end - m->last > TAIL ? m->last + TAIL : m->end;
    mpg123_param(m->handle, MPG123_REMOVE_FLAGS, MPG123_AUTO_RESAMPLE, 0);
    mpg123_param(m->handle, MPG123_ADD_FLAGS,
                 MPG123_FORCE_FLOAT | MPG123_GAPLESS | MPG123_NO_FRANKENSTEIN | MPG123_QUIET, 0);
    mpg123_param(m->handle, MPG123_RVA, MPG123_RVA_OFF, 0);
    if (mpg123_open_feed(m->handle) != MPG123_OK)
        return mp3_damaged(r);
    return mp3_find_format(r);
}

/* The header's length is over; is the file? */
static int mp3_check_end(struct rt_recording *r)
{
    struct mp3 *m = r->decoder;
    off_t frame = mpg123_framepos(m->handle);
    if (frame < 0 || m->begin + (size_t)frame + BEHIND >= m->last)
        return 0;
    return rt_error_set(r->e, RT_EFORMAT,
                        "%s: the MP3's header says %lld samples, but sound goes on behind them: several recordings in "
                        "one file; make them files of their own",
                        r->name, (long long)r->promised);
}

static int64_t mp3_read(struct rt_recording *r, float *frames, int64_t count)
{
    struct mp3 *m = r->decoder;
    size_t frame = sizeof *frames * (size_t)r->channels, done;
    for (;;) {
        int rc = mpg123_read(m->handle, frames, (size_t)count * frame, &done);
        bool whole = rc == MPG123_OK || rc == MPG123_DONE || rc == MPG123_NEED_MORE;
        if (!whole && m->at > m->last)
            return 0; /* nothing but zeros were left */
        if (!whole)
            return rc == MPG123_NEW_FORMAT
                       ? rt_error_set(r->e, RT_EFORMAT,
                                      "%s: several recordings in one MP3, of different rate or channels", r->name)
                       : mp3_damaged(r);
        if (done)
            return (int64_t)(done / frame);
        int fed = rc == MPG123_NEED_MORE ? mp3_feed(r) : 0;
        if (fed <= 0)
            return fed < 0 ? fed : mp3_check_end(r);
    }
}

static void mp3_close(struct rt_recording *r)
{
    struct mp3 *m = r->decoder;
    if (m)
        mpg123_delete(m->handle);
    free(m);
}

const struct rt_audio_reader rt_audio_mp3 = {mp3_open, mp3_read, mp3_close, NULL, mp3_link_end};
