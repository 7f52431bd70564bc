/* SPDX-License-Identifier: MIT
 * audiofile_whole: WAV and its kin, MP4 and WebM by the length of the chunk that holds the sound, Ogg by walking its
 * pages: each page's own length and checksum, and the end-of-stream flag on the last. */
#include "formats/audiofile_whole.h"
#include "formats/file.h"
#include "formats/filekind.h"
#include <stdbool.h>
#include <string.h>

#define OGG_HEADER 27 /* bytes of a page before its segment table */
#define OGG_BEGIN 0x02 /* header type flags: first and last page of a stream */
#define OGG_END 0x04
#define OGG_CRC 22 /* offset of the page's checksum */
#define PLACEHOLDER 2000000000u /* from here on the size of a WAV's sound is no promise */

/* ---- Ogg ----
 * A recording cut short still decodes, up to the cut, and would be a shorter sample without a word.
 * Ogg has all it takes to see that: pages with length and checksum, and a mark on the last. The
 * table of the checksum is made for each file: 256 steps are nothing beside decoding, and nothing
 * is shared between threads. Streams may stand behind one another (a radio's songs, files put
 * together): a first page behind other pages begins the next link of the chain. */

/* Remainder of byte << 24 by Ogg's polynomial 0x04c11db7, most significant bit first. */
static uint32_t crc_step(uint32_t byte)
{
    uint32_t crc = byte << 24;
    for (int bit = 0; bit < 8; bit++)
        crc = crc << 1 ^ (crc & 0x80000000u ? 0x04c11db7u : 0);
    return crc;
}

static void crc_table(uint32_t table[256])
{
    for (uint32_t i = 0; i < 256; i++)
        table[i] = crc_step(i);
}

/* The checksum of a page is taken with its own four bytes read as zero. */
static uint32_t page_crc(const uint32_t table[256], const uint8_t *page, size_t size)
{
    uint32_t crc = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = i >= OGG_CRC && i < OGG_CRC + 4 ? 0 : page[i];
        crc = crc << 8 ^ table[(crc >> 24 ^ byte) & 0xff];
    }
    return crc;
}

/* Steps over the page at the cursor: its bytes and, in *size, how many. NULL and *why when it is not whole. */
static const uint8_t *ogg_page(struct rt_cursor *c, size_t *size, const char **why)
{
    size_t at = c->at, body = 0;
    const uint8_t *page = rt_take_bytes(c, OGG_HEADER);
    *why = "cut short inside an Ogg page header";
    if (!page)
        return NULL;
    *why = "no Ogg page where one must start";
    if (memcmp(page, "OggS", 4) != 0)
        return NULL;
    const uint8_t *segment = rt_take_bytes(c, page[26]);
    for (int i = 0; segment && i < page[26]; i++)
        body += segment[i];
    *why = "cut short inside an Ogg page";
    if (!segment || !rt_take_bytes(c, body))
        return NULL;
    *size = c->at - at;
    return page;
}

static const char *ogg_damage(const uint8_t *bytes, size_t size, size_t *at)
{
    uint32_t table[256];
    crc_table(table);
    struct rt_cursor c = {.data = bytes, .size = size};
    const char *why;
    uint8_t flags = 0;
    while (c.at < size) {
        size_t length;
        *at = c.at;
        const uint8_t *page = ogg_page(&c, &length, &why);
        if (!page)
            return why;
        flags = page[5];
        struct rt_cursor sum = {.data = page + OGG_CRC, .size = 4};
        if (page_crc(table, page, length) != rt_take_u32(&sum))
            return "checksum of an Ogg page is wrong";
    }
    *at = size;
    return flags & OGG_END ? NULL : "cut short: the last Ogg page is missing";
}

size_t rt_audio_ogg_link_end(const uint8_t *bytes, size_t size, size_t at)
{
    if (size - at < 4 || memcmp(bytes + at, "OggS", 4) != 0)
        return size;
    struct rt_cursor c = {.data = bytes, .size = size, .at = at};
    bool begun = false; /* streams side by side begin together, before any of them goes on */
    while (c.at < size) {
        const char *why;
        size_t length, start = c.at;
        const uint8_t *page = ogg_page(&c, &length, &why);
        if (page && begun && (page[5] & OGG_BEGIN))
            return start;
        if (!page)
            return size;
        begun = begun || !(page[5] & OGG_BEGIN);
    }
    return size;
}

/* ---- WAV and its kin, MP4, WebM ----
 * All are chunks: an id, a size, and so many bytes. What counts is the chunk with the sound: is what it promises there?
 * The size of the whole, in front, is often wrong where the sound is not. Programs that write to a pipe do not know the
 * size when they write it, and leave 0, all ones, or a number near 2^31 or 2 * 10^9: such a chunk goes on to
 * the end of the file. */

static const struct family {
    const char *magic;
    size_t first; /* where the first chunk begins */
    int id, size; /* bytes of a chunk's id and of its size */
    bool big;     /* most significant byte first */
    bool headed;  /* the size counts the chunk's own id and size */
    size_t align;
    const char *sound;
} families[] = {
    {"RIFF", 12, 4, 4, false, false, 2, "data"}, {"RIFX", 12, 4, 4, true, false, 2, "data"},
    {"RF64", 12, 4, 4, false, false, 2, "data"}, {"BW64", 12, 4, 4, false, false, 2, "data"},
    {"FORM", 12, 4, 4, true, false, 2, "SSND"},  {"caff", 8, 4, 8, true, false, 1, "data"},
    {"riff", 40, 16, 8, false, true, 8, "data"},
};

static uint64_t chunk_number(struct rt_cursor *c, int bytes, bool big)
{
    const uint8_t *p = rt_take_bytes(c, (size_t)bytes);
    uint64_t v = 0;
    for (int i = 0; p && i < bytes; i++)
        v = v << 8 | p[big ? i : bytes - 1 - i];
    return v;
}

/* Whether the size of the whole was never set either: a recording without sound has one that is right. */
static bool whole_is_unset(const struct family *f, const uint8_t *bytes, size_t size)
{
    struct rt_cursor c = {.data = bytes, .size = size, .at = 4};
    uint64_t whole = chunk_number(&c, 4, f->big);
    return whole == 0 || whole >= PLACEHOLDER || whole + 8 <= f->first + 32;
}

/* What a walk over the chunks found. */
struct walk {
    uint64_t there, lacks; /* bytes of sound: in the file, and promised beyond them */
    size_t unsized;
};

static struct walk chunks_walk(const struct family *f, struct rt_cursor *c)
{
    uint64_t promised64 = 0; /* by RF64's chunk ds64 */
    while (!c->bad && c->at < c->size) {
        const uint8_t *id = rt_take_bytes(c, (size_t)f->id);
        uint64_t size = chunk_number(c, f->size, f->big), head = f->headed ? (uint64_t)(f->id + f->size) : 0;
        if (c->bad)
            break;
        uint64_t there = c->size - c->at;
        size = size < head ? 0 : size - head;
        if (!memcmp(id, "ds64", 4) && size >= 16 && there >= 16) {
            struct rt_cursor wide = {.data = c->data, .size = c->size, .at = c->at + 8};
            promised64 = rt_take_u64(&wide);
        }
        if (!memcmp(id, f->sound, 4)) {
            if (size == UINT32_MAX && promised64)
                size = promised64;
            bool never_set = size == 0 && f->size == 4 && there > 0 && whole_is_unset(f, c->data, c->size);
            return (struct walk){.there = there,
                                 .lacks = size < PLACEHOLDER && size > there ? size - there : 0,
                                 .unsized = never_set ? c->at - 4 : 0};
        }
        size += (f->align - size % f->align) % f->align;
        if (size > there)
            break;
        c->at += (size_t)size;
    }
    return (struct walk){0}; /* no sound at all: libsndfile says so */
}

/* AU has one header: where the sound begins, how much there is. */
static struct walk au_walk(const uint8_t *bytes, size_t size)
{
    struct rt_cursor c = {.data = bytes, .size = size, .at = 4};
    uint64_t from = chunk_number(&c, 4, true), sound = chunk_number(&c, 4, true);
    uint64_t there = from < size ? size - from : 0;
    return (struct walk){.there = there, .lacks = sound < PLACEHOLDER && sound > there ? sound - there : 0};
}

/* MP4 is boxes: size, id, content; the sound's own box (mdat) may say 0 for all the rest, or 1 and then 64 bits. */
static struct walk mp4_walk(const uint8_t *bytes, size_t size)
{
    struct rt_cursor c = {.data = bytes, .size = size};
    while (c.at < size) {
        size_t from = c.at;
        uint64_t length = chunk_number(&c, 4, true);
        const uint8_t *id = rt_take_bytes(&c, 4);
        if (length == 1)
            length = chunk_number(&c, 8, true);
        uint64_t head = c.at - from;
        if (c.bad || length < head)
            break;
        if (length - head > size - c.at)
            return (struct walk){.there = size - c.at,
                                 .lacks = memcmp(id, "mdat", 4) ? 0 : length - head - (size - c.at)};
        c.at += (size_t)(length - head);
    }
    return (struct walk){0};
}

/* A number of EBML: as many bytes as zeros lead the first one, and one more. All ones (live streams): unknown. */
static uint64_t ebml_size(struct rt_cursor *c)
{
    uint64_t v = rt_take_u8(c), top = 0x80;
    int more = 0;
    for (; more < 8 && !(v & top); more++)
        top >>= 1;
    uint64_t most = top - 1;
    for (v &= most; more > 0; more--) {
        v = v << 8 | rt_take_u8(c);
        most = most << 8 | 0xff;
    }
    return c->bad || v == most ? 0 : v;
}

/* WebM and Matroska: a header and one segment, which holds all the rest. */
static struct walk webm_walk(const uint8_t *bytes, size_t size)
{
    struct rt_cursor c = {.data = bytes, .size = size, .at = 4};
    uint64_t head = ebml_size(&c);
    const uint8_t *id = head <= size - c.at && rt_take_bytes(&c, (size_t)head) ? rt_take_bytes(&c, 4) : NULL;
    uint64_t promised = id && !memcmp(id, "\x18\x53\x80\x67", 4) ? ebml_size(&c) : 0, there = size - c.at;
    return (struct walk){.there = there, .lacks = promised > there ? promised - there : 0};
}

static struct walk sound_walk(const uint8_t *bytes, size_t size)
{
    enum rt_filekind_id kind = rt_filekind_of(bytes, size).id;
    if (kind == RT_KIND_MP4)
        return mp4_walk(bytes, size);
    if (kind == RT_KIND_WEBM)
        return webm_walk(bytes, size);
    if (size >= 4 && !memcmp(bytes, ".snd", 4))
        return au_walk(bytes, size);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        struct rt_cursor c = {.data = bytes, .size = size, .at = families[i].first};
        if (size >= families[i].first && !memcmp(bytes, families[i].magic, 4))
            return chunks_walk(&families[i], &c);
    }
    return (struct walk){0};
}

static int chunks_check(const uint8_t *bytes, size_t size, const char *name, size_t *unsized, struct rt_error *e)
{
    struct walk w = sound_walk(bytes, size);
    *unsized = w.unsized;
    if (!w.lacks)
        return 0;
    return rt_error_set(e, RT_EFORMAT,
                        "%s: byte %zu: cut short: %llu of %llu bytes of sound are there; fetch or record the "
                        "file again",
                        name, size, (unsigned long long)w.there, (unsigned long long)(w.there + w.lacks));
}

/* FLAC needs no check here: libsndfile itself says when it ends too early. */

int rt_audio_check_whole(const uint8_t *bytes, size_t size, const char *name, size_t *unsized, struct rt_error *e)
{
    *unsized = 0;
    if (size < 4 || memcmp(bytes, "OggS", 4) != 0)
        return chunks_check(bytes, size, name, unsized, e);
    size_t at = 0;
    const char *damage = ogg_damage(bytes, size, &at);
    return damage ? rt_error_set(e, RT_EFORMAT, "%s: byte %zu: %s; fetch or record the file again", name, at, damage)
                  : 0;
}
