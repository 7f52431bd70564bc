/* SPDX-License-Identifier: MIT
 * datafile: one sample's data: a file, a member of a tar shard (TAR!/MEMBER), or a part of either, and the key of its
 * content. What is learned of shards and long recordings on the way is kept in a struct rt_datafiles, so that a shard
 * is indexed once and a recording of a thousand parts is hashed once. */
#ifndef RT_DATAFILE_H
#define RT_DATAFILE_H

#include "formats/input.h"
#include "formats/tarfile.h"
#include "pipeline/data/key.h"
#include "pipeline/data/store.h"

/* The store of shards' indexes, in the caches' folder; so many bytes are some tens of millions of members. */
#define RT_SHARDS_STORE "shards"
#define RT_SHARDS_BYTES (UINT64_C(1) << 30)

struct rt_datafiles; /* opaque; any thread */
int rt_datafiles_create(struct rt_datafiles **out); /* RT_EMEM */
void rt_datafiles_destroy(struct rt_datafiles *s);
/* Indexes of shards are kept in `shards` (borrowed; NULL: nowhere), and taken from there while the file has the path,
 * size, times and inode, and each member that is read the header, that it had. Before anything is opened. */
void rt_datafiles_keep(struct rt_datafiles *s, struct rt_store *shards);
/* The index of the open file, from there or made; the caller's. As rt_tar_index. */
int rt_datafile_tar(struct rt_tar **out, struct rt_store *shards, const char *path, int fd, struct rt_error *e);

/* One while it is read; belongs to one thread. */
struct rt_datafile {
    struct rt_input input; /* its name is ours: the path, and the part where there is one */
    char name[4608];
    uint8_t *owned;
    int fd;
    struct rt_datafiles *all;
};

/* Opens the sample: whole in memory, a timed part as the open file. all: NULL = nothing is remembered. Refuses as
 * rt_file_read, and RT_EEMPTY; of shards as rt_tar_index and rt_tar_find. On failure nothing is open. */
int rt_datafile_open(struct rt_datafile *s, struct rt_datafiles *all, const char *path, const struct rt_extent *x,
                     struct rt_error *e);
/* A text of the manifest. */
void rt_datafile_of_text(struct rt_datafile *s, const char *text, const char *name);
/* The key of the content (its bytes, and which part of them), chained to `first`: the same for a file and for a member
 * of a shard with the same bytes. RT_EIO. */
int rt_datafile_key(struct rt_datafile *s, struct rt_key128 first, struct rt_key128 *key, struct rt_error *e);
void rt_datafile_close(struct rt_datafile *s);

/* 0 when there is such a file, or such a member in a shard, of *size bytes (may be NULL); else as rt_datafile_open,
 * without reading the sample. */
int rt_datafile_exists(struct rt_datafiles *all, const char *path, uint64_t *size, struct rt_error *e);

#endif
