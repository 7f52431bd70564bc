/* SPDX-License-Identifier: MIT
 * filekind: what a file is by its first bytes, not by its name: a name's ending says what somebody
 * meant. For imagefile.c and audiofile.c, which read it or say what it is. */
#ifndef RT_FILEKIND_H
#define RT_FILEKIND_H

#include <stddef.h>

/* An ID of filekinds.def, WAV standing for all that libsndfile reads but Ogg. */
enum rt_filekind_id {
    RT_KIND_UNKNOWN,
    RT_KIND_OTHER, /* known by name, not read */
    RT_KIND_PNG, RT_KIND_JPEG, RT_KIND_WEBP, RT_KIND_GIF, RT_KIND_TIFF, RT_KIND_HEIF, RT_KIND_BMP,
    RT_KIND_WAV, RT_KIND_OGG, RT_KIND_MP3, RT_KIND_MP4, RT_KIND_WEBM, RT_KIND_AAC, RT_KIND_AMR, RT_KIND_ASF,
    RT_KINDS
};

struct rt_filekind {
    enum rt_filekind_id id;
    const char *words; /* "a GIF picture"; NULL for RT_KIND_UNKNOWN */
};

/* Looks behind ID3v2 tags, which stand before MP3 and others. Any thread. */
struct rt_filekind rt_filekind_of(const void *bytes, size_t size);
/* Offset of the first byte behind the ID3v2 tags that `bytes` begins with; at most size. */
size_t rt_filekind_behind_id3(const void *bytes, size_t size);

#endif
