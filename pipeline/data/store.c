/* SPDX-License-Identifier: MIT
 * store: an append-only file and an index of it in memory.
 * Two locks, always taken in this order: the mutex (threads of this process: index, end, file) and
 * the flock (processes). Whoever holds the flock reads what others have appended since, and cuts a torn
 * tail, before it appends; so a process killed while writing costs only its last record. Reading needs
 * no flock: the key and the frame's checksum tell whether a record is what the index says. */
#include "pipeline/data/store.h"
#include "formats/file.h"
#include "formats/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAGIC "RTSTORE1"
#define START 8  /* of the first record */
#define HEAD 24  /* of a record */
#define FRAME_MIN 40
#define WINDOW 16384
static const uint8_t zeros[8];

struct entry {
    struct rt_key128 key;
    uint64_t at;   /* of the record; 0 = free slot */
    uint32_t size; /* of the frame; 0 = known to be damaged */
};

struct rt_store {
    int fd;
    uint64_t limit;
    atomic_int full;
    pthread_mutex_t mutex; /* guards all below */
    uint64_t end;          /* records up to here are in the index */
    struct entry *slot;    /* [slots], a power of 2 */
    size_t slots, used;
    uint64_t hits, misses;
};

/* ---- index ----
 * The index is made anew at each start, from the heads of the records alone: no second file has to
 * agree with the first. Keys are hashes already, so their low bits are the slot. An entry that
 * turned out damaged keeps its slot with size 0, which makes a probe go on. */

static struct entry *index_find(const struct rt_store *s, struct rt_key128 key)
{
    size_t at = (size_t)key.lo & (s->slots - 1);
    while (s->slot[at].at && (s->slot[at].key.lo != key.lo || s->slot[at].key.hi != key.hi))
        at = (at + 1) & (s->slots - 1);
    return &s->slot[at];
}

static int index_grow(struct rt_store *s)
{
    struct rt_store old = {.slot = s->slot, .slots = s->slots};
    size_t slots = s->slots ? 2 * s->slots : 1024;
    struct entry *slot = calloc(slots, sizeof *slot);
    if (!slot)
        return RT_EMEM;
    s->slot = slot;
    s->slots = slots;
    for (size_t i = 0; i < old.slots; i++)
        if (old.slot[i].at)
            *index_find(s, old.slot[i].key) = old.slot[i];
    free(old.slot);
    return 0;
}

/* A later record of the same key counts, since the earlier one must have been damaged. */
static int index_add(struct rt_store *s, struct rt_key128 key, uint64_t at, uint32_t size)
{
    if (2 * (s->used + 1) > s->slots && index_grow(s) < 0)
        return RT_EMEM;
    struct entry *e = index_find(s, key);
    s->used += !e->at;
    *e = (struct entry){key, at, size};
    return 0;
}

static int index_has(const struct rt_store *s, struct rt_key128 key)
{
    return s->slots > 0 && index_find(s, key)->size > 0;
}

/* ---- file ----
 * Two guards, for two kinds of damage. A process that is killed while it appends leaves a torn
 * tail, which whoever holds the flock next cuts off. A machine that goes down may keep a record's
 * length and lose its bytes; only the last one can be hit, so only that one is read at the start.
 * All else is found when it is read, by the frame's checksum. Syncing each record would be safer
 * and far slower, and a cache may lose what it has. */

static void bytes_put_le(uint8_t *out, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        out[i] = (uint8_t)(v >> 8 * i);
}

static size_t size_padded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static int file_read_at(int fd, void *bytes, size_t size, uint64_t at)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = pread(fd, (char *)bytes + got, size - got, (off_t)(at + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO; /* shorter than it said it is */
        if (n <= 0)
            return -1;
        got += (size_t)n;
    }
    return 0;
}

static int file_lock(int fd, int how)
{
    int failed;
    do
        failed = flock(fd, how);
    while (failed && errno == EINTR);
    return failed;
}

/* What was read of the file: records of measures are a hundred bytes, and a million are not read one by one. Behind
 * a large one only a head is read, since whatever follows it is mostly not one. */
struct window {
    uint64_t at;
    size_t size, next; /* bytes held; to be read when they do not do */
    uint8_t bytes[WINDOW];
};

static const uint8_t *window_look(struct window *w, const struct rt_store *s, uint64_t at, uint64_t end)
{
    if (at >= w->at && at + HEAD + 4 <= w->at + w->size)
        return w->bytes + (at - w->at);
    size_t size = end - at < w->next ? (size_t)(end - at) : w->next;
    w->at = at;
    w->size = file_read_at(s->fd, w->bytes, size, at) ? 0 : size;
    return w->size ? w->bytes : NULL;
}

/* Reads the head of the record at `at`; 0 when there is a whole one before `end` that may hold a frame. */
static int record_read_head(const struct rt_store *s, struct window *w, uint64_t at, uint64_t end,
                            struct rt_key128 *key, uint32_t *size)
{
    const uint8_t *bytes = end - at < HEAD + FRAME_MIN ? NULL : window_look(w, s, at, end);
    if (!bytes)
        return -1;
    struct rt_cursor c = {.data = bytes, .size = HEAD + 4};
    key->lo = rt_take_u64(&c);
    key->hi = rt_take_u64(&c);
    *size = rt_take_u32(&c);
    uint32_t zero = rt_take_u32(&c);
    w->next = *size < WINDOW / 8 ? WINDOW : HEAD + 4;
    return zero == 0 && *size >= FRAME_MIN && size_padded(*size) <= end - at - HEAD &&
                   memcmp(bytes + HEAD, "RTF1", 4) == 0
               ? 0
               : -1;
}

/* The frame of the record at `at`, checked against its key and its checksum; NULL when damaged. */
static struct rt_frame *record_read_frame(const struct rt_store *s, struct rt_key128 key,
                                          uint64_t at, uint32_t size)
{
    uint8_t *bytes = malloc(HEAD + (size_t)size);
    struct rt_frame *f = NULL;
    size_t used = 0;
    if (bytes && file_read_at(s->fd, bytes, HEAD + (size_t)size, at) == 0) {
        struct rt_cursor c = {.data = bytes, .size = HEAD};
        if (rt_take_u64(&c) == key.lo && rt_take_u64(&c) == key.hi && rt_take_u32(&c) == size &&
            rt_frame_parse(&f, bytes + HEAD, size, &used, NULL) == 0 && used != size) {
            rt_frame_unref(f);
            f = NULL;
        }
    }
    free(bytes);
    return f;
}

/* Puts whole records from s->end on into the index. Returns the file's size, or -1. */
static int64_t store_catch_up(struct rt_store *s)
{
    struct stat st;
    if (fstat(s->fd, &st))
        return -1;
    struct rt_key128 key;
    uint32_t size;
    uint64_t end = (uint64_t)st.st_size;
    struct window w;
    w.at = w.size = 0;
    w.next = HEAD + 4;
    while (s->end < end && record_read_head(s, &w, s->end, end, &key, &size) == 0) {
        if (index_add(s, key, s->end, size) < 0)
            return -1;
        s->end += HEAD + size_padded(size);
    }
    return st.st_size;
}

/* Under the flock: what is not a whole record now was torn. */
static int store_cut_tail(struct rt_store *s)
{
    int64_t size = store_catch_up(s);
    if (size < 0)
        return -1;
    return (uint64_t)size > s->end ? ftruncate(s->fd, (off_t)s->end) : 0;
}

/* A crash may leave the last record with its length but not its bytes. */
static void store_drop_damaged(struct rt_store *s)
{
    struct entry *last = NULL;
    for (size_t i = 0; i < s->slots; i++)
        if (s->slot[i].at && (!last || s->slot[i].at > last->at))
            last = &s->slot[i];
    if (!last)
        return;
    struct rt_frame *f = record_read_frame(s, last->key, last->at, last->size);
    if (!f && ftruncate(s->fd, (off_t)last->at) == 0) {
        s->end = last->at;
        last->size = 0;
    }
    rt_frame_unref(f);
}

/* Checks or writes the magic, and reads the index. Under the flock. */
static int store_load(struct rt_store *s, const char *path, struct rt_error *e)
{
    char magic[START];
    struct stat st;
    if (fstat(s->fd, &st))
        return rt_error_errno(e, "cannot read", path);
    size_t have = st.st_size < START ? (size_t)st.st_size : START;
    if (file_read_at(s->fd, magic, have, 0))
        return rt_error_errno(e, "cannot read", path);
    if (memcmp(magic, MAGIC, have) != 0)
        return rt_error_set(e, RT_EFORMAT, "%s: not a retort store (it does not start with %s): move "
                            "it away or delete it", path, MAGIC);
    errno = ENOSPC; /* what a write that is cut short means, and does not say */
    if (have < START && pwrite(s->fd, MAGIC, START, 0) != START)
        return rt_error_errno(e, "cannot write", path);
    s->end = START;
    if (store_cut_tail(s))
        return rt_error_errno(e, "cannot read", path);
    store_drop_damaged(s);
    return 0;
}

/* ---- opening ---- */

int rt_store_open(struct rt_store **out, const char *folder, const char *name, uint64_t limit,
                  struct rt_error *e)
{
    char path[4096];
    *out = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/%s.store", folder, name) >= sizeof path)
        return rt_error_set(e, RT_ERANGE, "%.60s...: path too long", folder);
    int code = rt_file_mkdirs(folder, e);
    if (code < 0)
        return code;
    struct rt_store *s = calloc(1, sizeof *s);
    if (!s)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    pthread_mutex_init(&s->mutex, NULL);
    s->limit = limit;
    s->fd = rt_file_open_own(path, O_RDWR | O_CREAT, e);
    if (s->fd < 0) {
        code = s->fd;
        goto fail;
    }
    if (file_lock(s->fd, LOCK_EX)) {
        code = rt_error_errno(e, "cannot open", path);
        goto fail;
    }
    code = store_load(s, path, e);
    futimens(s->fd, NULL); /* rt_store_expire goes by it; best effort, as all that it does */
    file_lock(s->fd, LOCK_UN);
    if (code < 0)
        goto fail;
    *out = s;
    return 0;
fail:
    rt_store_close(s);
    return code;
}

void rt_store_home(char *path, size_t size)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    *path = '\0';
    if (xdg && xdg[0] == '/')
        snprintf(path, size, "%s/retort", xdg);
    else if (home && home[0] == '/')
        snprintf(path, size, "%s/.cache/retort", home);
}

void rt_store_close(struct rt_store *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    pthread_mutex_destroy(&s->mutex);
    free(s->slot);
    free(s);
}

int rt_store_expire(const char *folder, const char *prefix, int days)
{
    DIR *d = opendir(folder);
    time_t before = time(NULL) - (time_t)days * 24 * 3600;
    int deleted = 0;
    const struct dirent *file;
    while (d && (file = readdir(d))) {
        const char *name = file->d_name;
        struct stat st;
        if (strncmp(name, prefix, strlen(prefix)) == 0 && rt_path_ends_in(name, ".store") &&
            fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            st.st_mtime < before)
            deleted += unlinkat(dirfd(d), name, 0) == 0;
    }
    if (d)
        closedir(d);
    return deleted;
}

/* ---- get, put ----
 * The frame is read outside the mutex: decoders would otherwise wait for each other's disk. A
 * record is never moved, so an entry copied under the lock stays true. When the limit is reached
 * the store is full and says so once, instead of dropping what it has: what is dropped would have
 * to be made again in the next epoch, when something else would be dropped. */

/* As known, after a look at what other processes have appended. */
static int store_knows(struct rt_store *s, struct rt_key128 key)
{
    return index_has(s, key) || (store_catch_up(s) >= 0 && index_has(s, key));
}

struct rt_frame *rt_store_get(struct rt_store *s, struct rt_key128 key)
{
    struct entry e = {0};
    pthread_mutex_lock(&s->mutex);
    if (store_knows(s, key))
        e = *index_find(s, key);
    pthread_mutex_unlock(&s->mutex);
    struct rt_frame *f = e.size > 0 ? record_read_frame(s, key, e.at, e.size) : NULL;
    pthread_mutex_lock(&s->mutex);
    if (f)
        s->hits++;
    else
        s->misses++;
    struct entry *now = s->slots ? index_find(s, key) : NULL;
    if (!f && now && now->at == e.at)
        now->size = 0; /* damaged: absent from now on, and may be put again */
    pthread_mutex_unlock(&s->mutex);
    return f;
}

/* Appends one record at s->end, or leaves the file as it was. Under both locks. */
static int store_append(struct rt_store *s, struct rt_key128 key, const void *frame, size_t size)
{
    uint8_t head[HEAD] = {0};
    bytes_put_le(head, key.lo, 8);
    bytes_put_le(head + 8, key.hi, 8);
    bytes_put_le(head + 16, size, 4);
    struct iovec part[3] = {{head, HEAD},
                            {(void *)(uintptr_t)frame, size},
                            {(void *)(uintptr_t)zeros, size_padded(size) - size}};
    size_t whole = HEAD + size_padded(size);
    ssize_t n;
    do
        n = pwritev(s->fd, part, 3, (off_t)s->end);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)whole) {
        int code = index_add(s, key, s->end, (uint32_t)size);
        s->end += whole;
        return code;
    }
    int code = n < 0 ? rt_error_errno(NULL, "", "") : RT_EFULL; /* a short write: no room for more */
    if (ftruncate(s->fd, (off_t)s->end))
        return RT_EIO; /* the torn record is cut by the next append or open */
    return code;
}

int rt_store_put(struct rt_store *s, struct rt_key128 key, const struct rt_frame *f)
{
    size_t size;
    const void *bytes = rt_frame_bytes(f, &size);
    if (size > UINT32_MAX)
        return RT_ELARGE;
    pthread_mutex_lock(&s->mutex);
    int code = 0;
    if (!index_has(s, key) && !atomic_load(&s->full)) {
        if (file_lock(s->fd, LOCK_EX) || store_cut_tail(s))
            code = RT_EIO;
        else if (s->end + HEAD + size_padded(size) > s->limit)
            atomic_store(&s->full, 1);
        else if (!index_has(s, key)) /* another process may have been quicker */
            code = store_append(s, key, bytes, size);
        file_lock(s->fd, LOCK_UN);
    }
    pthread_mutex_unlock(&s->mutex);
    return code;
}

void rt_store_limit(struct rt_store *s, uint64_t limit)
{
    pthread_mutex_lock(&s->mutex);
    if (limit > s->limit)
        atomic_store(&s->full, 0);
    s->limit = limit;
    pthread_mutex_unlock(&s->mutex);
}

int rt_store_full(const struct rt_store *s)
{
    return atomic_load(&s->full);
}

void rt_store_counts(struct rt_store *s, uint64_t *hits, uint64_t *misses, uint64_t *bytes)
{
    pthread_mutex_lock(&s->mutex);
    *hits = s->hits;
    *misses = s->misses;
    *bytes = s->end;
    pthread_mutex_unlock(&s->mutex);
}
