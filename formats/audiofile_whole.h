/* SPDX-License-Identifier: MIT
 * audiofile_whole: is a recording's container whole? libsndfile reads what is left of a WAV or Ogg
 * file that was cut short and says nothing; a run has to name such a file. Only audiofile.c uses
 * this. */
#ifndef RT_AUDIOFILE_WHOLE_H
#define RT_AUDIOFILE_WHOLE_H

#include <stddef.h>
#include <stdint.h>

/* NULL when the container is whole or of a kind not known here (FLAC and MP3 tell their own
 * length); else words that say what is wrong, with *at = the byte offset of it. */
const char *rt_audio_damage(const uint8_t *bytes, size_t size, size_t *at);

#endif
