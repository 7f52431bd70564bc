/* SPDX-License-Identifier: MIT
 * datafile: see datafile.h. */
#include "pipeline/data/datafile.h"

#include "formats/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>
#include <xxhash.h>

#define PIECE (1 << 18) /* bytes of a long recording that are hashed at once */

/* A file as it was when it was looked at. Who writes to it changes the time or the size. */
struct stamp {
    uint64_t device, inode, size;
    int64_t seconds, nanoseconds;             /* it was written */
    int64_t changed_seconds, changed_nanoseconds; /* or anything of it was: nobody can set this back */
};

struct shard {
    char *path;
    struct stamp stamp;
    struct rt_tar *tar;
    bool was_kept; /* not made from the file as it is now */
};

/* The hash of bytes [at, at + size) of a file. */
struct known {
    struct stamp stamp;
    int64_t at;
    uint64_t size;
    struct rt_key128 hash;
};

struct rt_datafiles {
    uv_mutex_t lock; /* all below */
    struct shard *shard;
    size_t shards;
    struct rt_store *kept; /* their indexes, or NULL */
    struct known *known; /* [room] open hash table; size 0 = free */
    size_t count, room;
};

int rt_datafiles_create(struct rt_datafiles **out)
{
    struct rt_datafiles *s = *out = calloc(1, sizeof *s);
    if (!s)
        return RT_EMEM;
    if (uv_mutex_init(&s->lock) == 0)
        return 0;
    free(s);
    *out = NULL;
    return RT_EMEM;
}

void rt_datafiles_keep(struct rt_datafiles *s, struct rt_store *shards)
{
    s->kept = shards;
}

void rt_datafiles_destroy(struct rt_datafiles *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->shards; i++) {
        free(s->shard[i].path);
        rt_tar_destroy(s->shard[i].tar);
    }
    free(s->shard);
    free(s->known);
    uv_mutex_destroy(&s->lock);
    free(s);
}

/* ---- open files ---- */

static struct stamp stamp_of(const struct stat *st)
{
    return (struct stamp){.device = (uint64_t)st->st_dev, .inode = (uint64_t)st->st_ino, .size = (uint64_t)st->st_size,
                          .seconds = st->st_mtim.tv_sec, .nanoseconds = st->st_mtim.tv_nsec,
                          .changed_seconds = st->st_ctim.tv_sec, .changed_nanoseconds = st->st_ctim.tv_nsec};
}

static bool stamp_is(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && a->seconds == b->seconds &&
           a->nanoseconds == b->nanoseconds && a->changed_seconds == b->changed_seconds &&
           a->changed_nanoseconds == b->changed_nanoseconds;
}

/* A descriptor, or an error. */
static int datafile_open_file(const char *path, struct stamp *stamp, struct rt_error *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int rc = rt_error_errno(e, "cannot read", path);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    *stamp = stamp_of(&st);
    if (S_ISREG(st.st_mode))
        return fd;
    close(fd);
    return rt_error_set(e, RT_EFORMAT, "%s: is a %s; give a regular file", path,
                        S_ISDIR(st.st_mode) ? "folder" : "device, pipe or socket");
}

/* ---- shards ----
 * A shard's index is made when the first of its samples is read, and again when the shard has changed since: then the
 * index says where the samples are now, and their content keys say whether they are still the same ones. Under the
 * lock, as whoever else needs it would only make it a second time.
 *
 * Making one takes a read for each member, a seventh of the first look at all samples, so it is kept. A kept one counts
 * while nothing says that the file is another: path, inode, size, the time it was written and the one of any change,
 * which no program can set; and as clocks of files are coarse, the header of each member that is read is looked at. One
 * that is not what it was, or a member that is not there, has the index made anew. */

static struct shard *shards_find(struct rt_datafiles *all, const char *path)
{
    for (size_t i = 0; i < all->shards; i++)
        if (strcmp(all->shard[i].path, path) == 0)
            return &all->shard[i];
    struct shard *more = realloc(all->shard, (all->shards + 1) * sizeof *more);
    if (!more)
        return NULL;
    all->shard = more;
    struct shard *s = &more[all->shards];
    *s = (struct shard){.path = strdup(path)};
    if (!s->path)
        return NULL;
    all->shards++;
    return s;
}

/* The key of its index in the store. Not the device: of folders of other machines it is another after each start. */
static struct rt_key128 shard_key(const char *path, const struct stamp *x)
{
    char *real = realpath(path, NULL);
    int64_t words[] = {1, (int64_t)x->inode, (int64_t)x->size, x->seconds, x->nanoseconds, x->changed_seconds,
                       x->changed_nanoseconds};
    struct rt_key128 key = rt_key128_of(words, sizeof words, (struct rt_key128){0, 0});
    if (!real)
        return rt_key128_of(path, strlen(path), key);
    key = rt_key128_of(real, strlen(real), key);
    free(real);
    return key;
}

static struct rt_tar *shard_load(struct rt_store *kept, struct rt_key128 key, size_t file)
{
    struct rt_frame *f = rt_store_get(kept, key);
    struct rt_tensor t;
    struct rt_tar *tar = NULL;
    if (f && rt_frame_unpack(f, &t, NULL) == 0) {
        if (t.dtype == RT_U8 && t.rank == 1)
            rt_tar_unpack(&tar, t.data, (size_t)t.dim[0], file);
        rt_tensor_fini(&t);
    }
    rt_frame_unref(f);
    return tar;
}

/* What cannot be kept is made again by the next process. */
static void shard_keep(struct rt_store *kept, struct rt_key128 key, const struct rt_tar *tar)
{
    uint8_t *bytes = NULL;
    size_t size;
    struct rt_frame *f = NULL;
    if (rt_tar_pack(tar, &bytes, &size) == 0) {
        struct rt_tensor t = rt_tensor_view(RT_U8, 1, (int64_t[]){(int64_t)size}, bytes);
        if (rt_frame_pack(&f, "shard", &t, 1) == 0)
            rt_store_put(kept, key, f);
    }
    rt_frame_unref(f);
    free(bytes);
}

static int shard_make(struct rt_tar **tar, struct rt_store *kept, const char *path, const struct stamp *stamp, int fd,
                      struct rt_error *e)
{
    struct rt_input in = {.name = path, .size = (size_t)stamp->size, .fd = fd};
    RT_TRY(rt_tar_index(tar, &in, e));
    if (kept)
        shard_keep(kept, shard_key(path, stamp), *tar);
    return 0;
}

/* member: that is wanted of it. */
static int shard_index(struct shard *s, struct rt_store *kept, int fd, const struct stamp *stamp, const char *member,
                       struct rt_error *e)
{
    struct rt_input in = {.name = s->path, .size = (size_t)stamp->size, .fd = fd};
    if (!s->tar || !stamp_is(&s->stamp, stamp)) {
        rt_tar_destroy(s->tar);
        s->stamp = *stamp;
        s->tar = kept ? shard_load(kept, shard_key(s->path, stamp), in.size) : NULL;
        s->was_kept = s->tar != NULL;
    }
    if (s->tar && (!s->was_kept || rt_tar_holds(s->tar, &in, member)))
        return 0;
    rt_tar_destroy(s->tar);
    s->tar = NULL;
    s->was_kept = false;
    return shard_make(&s->tar, kept, s->path, stamp, fd, e);
}

int rt_datafile_tar(struct rt_tar **out, struct rt_store *shards, const char *path, int fd, struct rt_error *e)
{
    struct stat st;
    *out = NULL;
    if (fstat(fd, &st) < 0)
        return rt_error_errno(e, "cannot read", path);
    struct stamp stamp = stamp_of(&st);
    return shard_make(out, shards, path, &stamp, fd, e);
}

static int shard_find_member(struct rt_datafiles *all, const char *tar, const char *member, int fd,
                             const struct stamp *stamp, struct rt_input *in, struct rt_error *e)
{
    struct shard alone = {.path = (char *)tar};
    if (!all) {
        int rc = shard_index(&alone, NULL, fd, stamp, member, e);
        if (rc == 0)
            rc = rt_tar_find(alone.tar, tar, member, &in->at, &in->size, e);
        rt_tar_destroy(alone.tar);
        return rc;
    }
    uv_mutex_lock(&all->lock);
    struct shard *s = shards_find(all, tar);
    int rc = s ? shard_index(s, all->kept, fd, stamp, member, e) : rt_error_set(e, RT_EMEM, "%s: out of memory", tar);
    if (rc == 0)
        rc = rt_tar_find(s->tar, tar, member, &in->at, &in->size, e);
    uv_mutex_unlock(&all->lock);
    return rc;
}

/* Opens the file that the sample lies in, and finds where in it. */
static int datafile_find(struct rt_datafile *s, const char *path, struct rt_error *e)
{
    size_t length;
    struct stamp stamp;
    const char *member = rt_tar_member_of(path, &length);
    if (!member) {
        s->fd = datafile_open_file(path, &stamp, e);
        if (s->fd < 0)
            return s->fd;
        s->input.size = (size_t)stamp.size;
        return 0;
    }
    char tar[4352];
    snprintf(tar, sizeof tar, "%.*s", (int)length, path);
    s->fd = datafile_open_file(tar, &stamp, e);
    return s->fd < 0 ? s->fd : shard_find_member(s->all, tar, member, s->fd, &stamp, &s->input, e);
}

/* ---- one sample ----
 * A whole file is read into memory: its bytes are hashed and decoded, and cannot change between the two. Of a timed
 * part the file stays open, since most of it will not be needed. */

static int datafile_take(struct rt_datafile *s, struct rt_error *e)
{
    s->input.fd = s->fd;
    if (s->input.size == 0)
        return rt_error_set(e, RT_EEMPTY, "%s: the file is empty", s->name);
    if (s->input.extent.timed)
        return 0;
    RT_TRY(rt_input_read_all(&s->input, &s->owned, e));
    s->input.bytes = s->owned;
    close(s->fd);
    s->fd = s->input.fd = -1;
    return 0;
}

int rt_datafile_open(struct rt_datafile *s, struct rt_datafiles *all, const char *path, const struct rt_extent *x,
                     struct rt_error *e)
{
    char part[RT_EXTENT_WORDS];
    *s = (struct rt_datafile){.fd = -1, .all = all};
    snprintf(s->name, sizeof s->name, "%s%s", path, x ? rt_extent_words(x, part, sizeof part) : "");
    s->input.name = s->name;
    if (x)
        s->input.extent = *x;
    int rc = datafile_find(s, path, e);
    if (rc == 0)
        rc = datafile_take(s, e);
    if (rc < 0)
        rt_datafile_close(s);
    return rc;
}

void rt_datafile_of_text(struct rt_datafile *s, const char *text, const char *name)
{
    s->owned = NULL; /* not the whole of it: there may be a million texts */
    s->all = NULL;
    s->fd = -1;
    snprintf(s->name, sizeof s->name, "%s", name);
    s->input = RT_INPUT(text, strlen(text), s->name);
}

void rt_datafile_close(struct rt_datafile *s)
{
    free(s->owned);
    s->owned = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

int rt_datafile_exists(struct rt_datafiles *all, const char *path, uint64_t *size, struct rt_error *e)
{
    struct rt_datafile s = {.fd = -1, .all = all};
    int rc = datafile_find(&s, path, e);
    if (size)
        *size = s.input.size;
    rt_datafile_close(&s);
    return rc;
}

/* ---- the key ----
 * Of a part it is that of the whole file and of which part: the file of a thousand parts is hashed once, and known
 * again by what its folder says of it. */

/* The place of bytes [at, at + size) of the file in the table, or the free one. Under the lock. */
static struct known *known_find(struct known *table, size_t room, const struct stamp *stamp, int64_t at, uint64_t size)
{
    uint64_t words[] = {stamp->device, stamp->inode, (uint64_t)at, size};
    size_t i = (size_t)XXH3_64bits(words, sizeof words) & (room - 1);
    while (table[i].size &&
           !(stamp_is(&table[i].stamp, stamp) && table[i].at == at && table[i].size == size))
        i = (i + 1) & (room - 1);
    return &table[i];
}

static bool known_look(struct rt_datafiles *all, const struct stamp *stamp, const struct rt_input *in,
                       struct rt_key128 *hash)
{
    if (!all)
        return false;
    uv_mutex_lock(&all->lock);
    const struct known *k = all->room ? known_find(all->known, all->room, stamp, in->at, in->size) : NULL;
    bool found = k && k->size;
    if (found)
        *hash = k->hash;
    uv_mutex_unlock(&all->lock);
    return found;
}

/* What cannot be kept for want of memory is hashed again. */
static void known_keep(struct rt_datafiles *all, struct known new)
{
    if (!all)
        return;
    uv_mutex_lock(&all->lock);
    if (2 * (all->count + 1) > all->room) {
        size_t room = all->room ? 2 * all->room : 256;
        struct known *table = calloc(room, sizeof *table);
        for (size_t i = 0; table && i < all->room; i++)
            if (all->known[i].size)
                *known_find(table, room, &all->known[i].stamp, all->known[i].at, all->known[i].size) = all->known[i];
        if (table) {
            free(all->known);
            all->known = table;
            all->room = room;
        }
    }
    if (all->count + 1 < all->room) {
        struct known *k = known_find(all->known, all->room, &new.stamp, new.at, new.size);
        all->count += k->size == 0;
        *k = new;
    }
    uv_mutex_unlock(&all->lock);
}

static int input_hash(const struct rt_input *in, struct rt_key128 *hash, struct rt_error *e)
{
    uint8_t *piece = malloc(PIECE);
    XXH3_state_t *state = XXH3_createState();
    int64_t n = piece && state && XXH3_128bits_reset(state) == XXH_OK
                    ? 0
                    : rt_error_set(e, RT_EMEM, "%s: out of memory", in->name);
    for (int64_t at = 0; n == 0 && at < (int64_t)in->size;) {
        n = rt_input_read(in, at, piece, PIECE, e);
        if (n <= 0)
            break;
        XXH3_128bits_update(state, piece, (size_t)n);
        at += n;
        n = 0;
    }
    if (n == 0) {
        XXH128_hash_t h = XXH3_128bits_digest(state);
        *hash = (struct rt_key128){h.low64, h.high64};
    }
    XXH3_freeState(state);
    free(piece);
    return (int)n;
}

static int datafile_hash_file(const struct rt_datafile *s, struct rt_key128 *hash, struct rt_error *e)
{
    struct stat st;
    if (fstat(s->fd, &st) < 0)
        return rt_error_errno(e, "cannot read", s->name);
    struct known k = {.stamp = stamp_of(&st), .at = s->input.at, .size = s->input.size};
    if (known_look(s->all, &k.stamp, &s->input, hash))
        return 0;
    RT_TRY(input_hash(&s->input, hash, e));
    k.hash = *hash;
    known_keep(s->all, k);
    return 0;
}

int rt_datafile_key(struct rt_datafile *s, struct rt_key128 first, struct rt_key128 *key, struct rt_error *e)
{
    const struct rt_extent *x = &s->input.extent;
    struct rt_key128 hash;
    if (s->input.bytes)
        hash = rt_key128_of(s->input.bytes, s->input.size, (struct rt_key128){0, 0});
    else
        RT_TRY(datafile_hash_file(s, &hash, e));
    *key = rt_key128_chain(hash, first);
    if (rt_extent_is_whole(x))
        return 0;
    char part[256];
    int n = snprintf(part, sizeof part, "%d %a %a %d %d %a %a %a %a", x->timed, x->start, x->end, x->channel, x->boxed,
                     x->box[0], x->box[1], x->box[2], x->box[3]);
    *key = rt_key128_of(part, (size_t)n, *key);
    return 0;
}
