/* SPDX-License-Identifier: MIT
 * audiofile_whole: is a recording's container whole, and how many recordings are in it? libsndfile reads what is left
 * of a file that was cut short, and only the first of Ogg streams behind one another, and says nothing; a run has to
 * name the former and to read the latter. Only audiofile.c uses this. */
#ifndef RT_AUDIOFILE_WHOLE_H
#define RT_AUDIOFILE_WHOLE_H

#include "formats/error.h"
#include <stddef.h>
#include <stdint.h>

/* RT_EFORMAT when the container (Ogg, WAV and its kin) is cut short or damaged, with the byte where and what to do.
 * A kind that is not known here counts as whole. *unsized: where the 4 bytes are that say how much sound there is, when
 * they say 0 and sound follows all the same; else 0. */
int rt_audio_check_whole(const uint8_t *bytes, size_t size, const char *name, size_t *unsized, struct rt_error *e);

/* Where the stream that begins at `at` ends and the next one of a chained Ogg file begins: size for the last, and for
 * what is not Ogg. The file has passed rt_audio_check_whole. */
size_t rt_audio_ogg_link_end(const uint8_t *bytes, size_t size, size_t at);

#endif
