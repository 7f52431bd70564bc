/* SPDX-License-Identifier: MIT
 * tarfile: where the members of a tar lie, so that each can be read without those before it. The headers are read by
 * libarchive (ustar, pax, GNU), once. A sample in a tar has the path TAR!/MEMBER. Compressed tars are refused: nothing
 * in them can be found without all before it. */
#ifndef RT_TARFILE_H
#define RT_TARFILE_H

#include "formats/input.h"
#include <stdbool.h>

/* Behind "x.tar!/"; NULL when path names no member of a tar. *tar: how many bytes of path name the tar itself. */
const char *rt_tar_member_of(const char *path, size_t *tar);

struct rt_tar; /* opaque; immutable, any thread may look */

/* Reads all headers. A tar that is damaged or cut short somewhere has the members before that place. RT_EFORMAT
 * (compressed, no tar), RT_EEMPTY, RT_EIO, RT_EMEM; *out is then NULL. 1,000,000 members take about 60 MB. */
int rt_tar_index(struct rt_tar **out, const struct rt_input *in, struct rt_error *e);
void rt_tar_destroy(struct rt_tar *t);

/* First byte and size of a member's data. RT_EMISSING (also where the tar is damaged before it), RT_EFORMAT: a link, a
 * file with holes, a name that two members have. name: of the tar, for messages. */
int rt_tar_find(const struct rt_tar *t, const char *name, const char *member, int64_t *at, size_t *size,
                struct rt_error *e);

/* Whether the member is in the tar where t says, by the header that stands before its data: an index that was kept may
 * be of the file as it was. false also when t has no such member. */
bool rt_tar_holds(const struct rt_tar *t, const struct rt_input *in, const char *member);

/* An index as bytes, malloc'ed, and back. bytes: from anywhere; file: size of the tar, in which every member then lies.
 * RT_EFORMAT, RT_EMEM. */
int rt_tar_pack(const struct rt_tar *t, uint8_t **bytes, size_t *size);
int rt_tar_unpack(struct rt_tar **out, const void *bytes, size_t size, size_t file);

size_t rt_tar_count(const struct rt_tar *t); /* members that are files or links */
/* Of the k-th in the tar's order, without a leading "./". *size: of its data, 0 for what cannot be read. */
const char *rt_tar_name(const struct rt_tar *t, size_t k, size_t *size);
/* "" or what is wrong with the tar behind its last member. */
const char *rt_tar_damage(const struct rt_tar *t);

#endif
