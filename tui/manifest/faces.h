/* SPDX-License-Identifier: MIT
 * faces: pictures of VoxCeleb's people, found for recordings of the same video. A picture lies at
 *
 *     PERSON/.../VIDEO/PICTURE           unzippedFaces/A.J._Buckley/1.6/1zcIwhmdeo4/0000375.jpg
 *     PERSON/.../VIDEO/UTT/.../PICTURE   id00012/21Uxsk56VDQ/00001/0007.jpg
 *
 * below any folders; PERSON is an id (id10001) or a name out of a table as vox1_meta.csv. Main thread. */
#ifndef RT_MANIFEST_FACES_H
#define RT_MANIFEST_FACES_H

#include "formats/error.h"
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct rt_faces; /* opaque */

struct rt_faces_config {
    const char *folder;       /* of pictures */
    const char *const *table; /* of ids and names, [tables]: two columns are read, `VoxCeleb1 ID` and `VGGFace1 ID` */
    int tables;
    const char *const *id; /* [ids] of recordings, SPEAKER/VIDEO/UTT.wav, sorted; must outlive *out */
    size_t ids;
};

/* Pictures of people or videos without a recording are counted and left out. RT_EFORMAT with file and line for a
 * wrong table; RT_ENODATA where no picture fits a recording, with what to do; RT_EMISSING, RT_EIO, RT_EMEM. */
int rt_faces_find(struct rt_faces **out, const struct rt_faces_config *c, struct rt_error *e);
void rt_faces_destroy(struct rt_faces *f);

/* Pictures of a recording (by its number in config.id): of its own folder, else of its video; 0 = none. *first is
 * the number of the first, the others follow it in the order of their paths. */
size_t rt_faces_of(const struct rt_faces *f, size_t recording, size_t *first);
/* Its path, absolute. */
void rt_faces_path(const struct rt_faces *f, size_t picture, char path[PATH_MAX]);
/* "5 pictures of people ..., such as X" for what was left out, or "". */
void rt_faces_note(const struct rt_faces *f, char *text, size_t size);

/* The place of the first of sorted texts that is not before text. */
size_t rt_sorted_seek(const char *const *sorted, size_t count, const char *text);
/* Is it idNNNNN? */
bool rt_speaker_named(const char *name, size_t length);

#endif
