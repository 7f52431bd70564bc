/* SPDX-License-Identifier: MIT
 * audiofile_whole: WAV by the length in its RIFF header, Ogg by walking its pages: each page's own
 * length and checksum, and the end-of-stream flag on the last. The sound itself is libsndfile's. */
#include "formats/audiofile_whole.h"
#include "formats/file.h"
#include <stdbool.h>
#include <string.h>

#define OGG_HEADER 27 /* bytes of a page before its segment table */
#define OGG_END 0x04  /* header type flag: last page of a stream */
#define OGG_CRC 22    /* offset of the page's checksum */

/* ---- Ogg ----
 * A recording cut short still decodes, up to the cut, and would be a shorter sample without a word.
 * Ogg has all it takes to see that: pages with length and checksum, and a mark on the last. The
 * table of the checksum is made for each file: 256 steps are nothing beside decoding, and nothing
 * is shared between threads. */

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

static const char *ogg_damage(const uint8_t *bytes, size_t size, size_t *at)
{
    uint32_t table[256];
    crc_table(table);
    struct rt_cursor c = {.data = bytes, .size = size};
    uint8_t flags = 0;
    while (c.at < size) {
        *at = c.at;
        const uint8_t *page = rt_take_bytes(&c, OGG_HEADER);
        if (!page)
            return "cut short inside an Ogg page header";
        if (memcmp(page, "OggS", 4) != 0)
            return "no Ogg page where one must start";
        flags = page[5];
        const uint8_t *segment = rt_take_bytes(&c, page[26]);
        size_t body = 0;
        for (int i = 0; segment && i < page[26]; i++)
            body += segment[i];
        if (!segment || !rt_take_bytes(&c, body))
            return "cut short inside an Ogg page";
        struct rt_cursor sum = {.data = page + OGG_CRC, .size = 4};
        if (page_crc(table, page, c.at - *at) != rt_take_u32(&sum))
            return "checksum of an Ogg page is wrong";
    }
    *at = size;
    return flags & OGG_END ? NULL : "cut short: the last Ogg page is missing";
}

/* ---- WAV ---- */

/* Programs that write to a pipe leave 0 or a huge number as length; only a plain promise counts.
 * Some count the padding byte of the last chunk without writing it. */
static const char *wav_damage(const uint8_t *bytes, size_t size, size_t *at)
{
    struct rt_cursor c = {.data = bytes, .size = size, .at = 4};
    uint32_t promised = rt_take_u32(&c);
    *at = size;
    if (c.bad)
        return "cut short inside the RIFF header";
    bool plain = promised < 0x7fffff00u;
    return plain && promised > size - 8 + 1 ? "cut short: less than the RIFF header says" : NULL;
}

/* FLAC and MP3 need no check here: libsndfile itself says when they end too early. */

const char *rt_audio_damage(const uint8_t *bytes, size_t size, size_t *at)
{
    *at = 0;
    if (size >= 4 && memcmp(bytes, "OggS", 4) == 0)
        return ogg_damage(bytes, size, at);
    if (size >= 4 && memcmp(bytes, "RIFF", 4) == 0)
        return wav_damage(bytes, size, at);
    return NULL;
}
