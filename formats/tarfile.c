/* SPDX-License-Identifier: MIT
 * tarfile: see tarfile.h. No global state: any thread. */
#include "formats/tarfile.h"

#include "formats/hash.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER 512
#define BLOCK 4096 /* read at once: a header and little more, what follows is skipped */

enum member_kind { MEMBER_FILE, MEMBER_LINK, MEMBER_SPARSE };

struct member {
    int64_t at;
    size_t size;
    size_t name;   /* where it begins in names */
    uint64_t mark; /* of the header before its data */
    uint8_t kind, twice;
};

struct rt_tar {
    struct member *member; /* [count] */
    size_t count, room;
    char *names;
    size_t names_used, names_room;
    uint32_t *slot; /* [slots] 1 + member, 0 = free; at most half are taken */
    size_t slots;
    char damage[160];
};

/* ---- paths ----
 * "!/" as in Java's archives and webdataset's own tools. Only behind the name of a tar: a folder may end in "!". */

static bool name_ends(const char *name, size_t length, const char *end)
{
    size_t n = strlen(end);
    return length >= n && strncmp(name + length - n, end, n) == 0;
}

const char *rt_tar_member_of(const char *path, size_t *tar)
{
    static const char *const ends[] = {".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2", ".tar.lz4"};
    for (const char *at = strstr(path, "!/"); at; at = strstr(at + 1, "!/"))
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
            if (name_ends(path, (size_t)(at - path), ends[i])) {
                *tar = (size_t)(at - path);
                return at + 2;
            }
    return NULL;
}

/* ---- the members ---- */

static const char *name_plain(const char *name)
{
    while (name[0] == '.' && name[1] == '/')
        name += 2;
    return name;
}

/* The slot that holds the name, or the free one where it belongs. */
static uint32_t *tar_slot(const struct rt_tar *t, const char *name)
{
    size_t at = (size_t)rt_hash64(name, strlen(name), 0) & (t->slots - 1);
    while (t->slot[at] && strcmp(t->names + t->member[t->slot[at] - 1].name, name) != 0)
        at = (at + 1) & (t->slots - 1);
    return &t->slot[at];
}

/* Room for one more member, and slots for twice as many. */
static int tar_grow(struct rt_tar *t)
{
    size_t room = t->room ? 2 * t->room : 256, slots = 2 * room;
    if (room > UINT32_MAX / 2)
        return RT_ELARGE;
    struct member *member = realloc(t->member, room * sizeof *member);
    if (!member)
        return RT_EMEM;
    t->member = member;
    uint32_t *slot = calloc(slots, sizeof *slot);
    if (!slot)
        return RT_EMEM;
    free(t->slot);
    t->slot = slot;
    t->slots = slots;
    t->room = room;
    for (size_t i = 0; i < t->count; i++) {
        uint32_t *place = tar_slot(t, t->names + member[i].name);
        if (!*place)
            *place = (uint32_t)i + 1;
    }
    return 0;
}

static int tar_add_name(struct rt_tar *t, const char *name, size_t *at)
{
    size_t length = strlen(name) + 1;
    if (length > t->names_room - t->names_used) {
        size_t room = 2 * t->names_room + length + 4096;
        char *names = realloc(t->names, room);
        if (!names)
            return RT_EMEM;
        t->names = names;
        t->names_room = room;
    }
    *at = t->names_used;
    memcpy(t->names + *at, name, length);
    t->names_used += length;
    return 0;
}

static int tar_add(struct rt_tar *t, const char *name, struct member m)
{
    if (t->count == t->room)
        RT_TRY(tar_grow(t));
    RT_TRY(tar_add_name(t, name_plain(name), &m.name));
    uint32_t *slot = tar_slot(t, t->names + m.name);
    if (*slot)
        t->member[*slot - 1].twice = 1;
    else
        *slot = (uint32_t)t->count + 1;
    t->member[t->count++] = m;
    return 0;
}

/* ---- reading the headers ----
 * By libarchive: names have been longer than a tar's 100 bytes for as long as there are tars, and there are three ways
 * to write them. It is given the file through our own calls, and counts what it has taken: where that stands behind a
 * header, the member's data begins. */

struct reading {
    const struct rt_input *in;
    int64_t at;
    struct rt_error *e;
    uint8_t block[BLOCK];
};

static la_ssize_t reading_on_read(struct archive *a, void *self, const void **out)
{
    struct reading *r = self;
    int64_t n = rt_input_read(r->in, r->at, r->block, sizeof r->block, r->e);
    *out = r->block;
    if (n < 0) {
        archive_set_error(a, EIO, "cannot be read");
        return ARCHIVE_FATAL;
    }
    r->at += n;
    return (la_ssize_t)n;
}

static la_int64_t reading_on_skip(struct archive *a, void *self, la_int64_t count)
{
    struct reading *r = self;
    (void)a;
    int64_t left = (int64_t)r->in->size - r->at;
    int64_t n = count < left ? count : left;
    r->at += n > 0 ? n : 0;
    return n > 0 ? n : 0;
}

static enum member_kind entry_kind(struct archive_entry *entry)
{
    if (archive_entry_hardlink(entry) || archive_entry_filetype(entry) == AE_IFLNK)
        return MEMBER_LINK;
    return archive_entry_sparse_count(entry) > 0 ? MEMBER_SPARSE : MEMBER_FILE;
}

/* The header stands right before the data, whatever stood before it to say a longer name. 0: it cannot be read. */
static uint64_t member_mark(const struct rt_input *in, int64_t at)
{
    uint8_t header[HEADER];
    struct rt_error none;
    return at >= HEADER && rt_input_read(in, at - HEADER, header, HEADER, &none) == HEADER
               ? rt_hash64(header, HEADER, 0)
               : 0;
}

/* Adds what the entry is; what lies beyond the end of a tar that was cut is not there. */
static int tar_add_entry(struct rt_tar *t, const struct rt_input *in, struct archive *a, struct archive_entry *entry)
{
    enum member_kind kind = entry_kind(entry);
    const char *name = archive_entry_pathname(entry);
    struct member m = {
        .at = archive_filter_bytes(a, 0), .size = (size_t)archive_entry_size(entry), .kind = (uint8_t)kind};
    if (!name || !*name_plain(name) || (kind != MEMBER_LINK && archive_entry_filetype(entry) != AE_IFREG))
        return 0;
    if (kind != MEMBER_FILE)
        m.size = 0;
    if (m.at < 0 || (uint64_t)m.at > in->size || m.size > in->size - (size_t)m.at) {
        snprintf(t->damage, sizeof t->damage, "cut short inside member %zu, which is %.60s", t->count + 1, name);
        return 0;
    }
    m.mark = member_mark(in, m.at);
    return tar_add(t, name, m);
}

static int tar_read(struct rt_tar *t, const struct rt_input *in, struct archive *a, struct rt_error *e)
{
    for (;;) {
        struct archive_entry *entry;
        int rc = archive_read_next_header(a, &entry);
        if (rc == ARCHIVE_EOF)
            return 0;
        if (rc == ARCHIVE_RETRY || rc == ARCHIVE_FATAL || rc == ARCHIVE_FAILED) {
            if (!*t->damage)
                snprintf(t->damage, sizeof t->damage, "byte %lld: %s", (long long)archive_filter_bytes(a, 0),
                         archive_error_string(a) ? archive_error_string(a) : "damaged");
            return e->code < 0 ? e->code : 0;
        }
        RT_TRY(tar_add_entry(t, in, a, entry));
    }
}

/* What packs a tar so that nothing in it can be found; NULL: none of them. */
static const char *packer_of(const uint8_t *head, int64_t n)
{
    static const struct {
        const char *magic, *words;
    } packers[] = {{"\x1f\x8b", "gzip"}, {"\x28\xb5\x2f\xfd", "zstd"}, {"\xfd" "7zXZ", "xz"}, {"BZh", "bzip2"},
                   {"\x04\x22\x4d\x18", "lz4"}, {"PK\3\4", "zip"}};
    for (size_t i = 0; i < sizeof packers / sizeof *packers; i++)
        if (n >= (int64_t)strlen(packers[i].magic) && !memcmp(head, packers[i].magic, strlen(packers[i].magic)))
            return packers[i].words;
    return NULL;
}

static int tar_check_kind(const struct rt_input *in, struct rt_error *e)
{
    uint8_t head[8];
    if (in->size == 0)
        return rt_error_set(e, RT_EEMPTY, "%s: the file is empty", in->name);
    int64_t n = rt_input_read(in, 0, head, sizeof head, e);
    RT_TRY((int)n);
    const char *packer = packer_of(head, n);
    return packer ? rt_error_set(e, RT_EFORMAT,
                                 "%s: compressed (%s): a member of it cannot be found without all before it; unpack it "
                                 "to a plain tar",
                                 in->name, packer)
                  : 0;
}

int rt_tar_index(struct rt_tar **out, const struct rt_input *in, struct rt_error *e)
{
    struct rt_error own = {0};
    struct reading r = {.in = in, .e = &own};
    *out = NULL;
    RT_TRY(tar_check_kind(in, e));
    struct rt_tar *t = calloc(1, sizeof *t);
    struct archive *a = archive_read_new();
    int rc = t && a ? tar_grow(t) : RT_EMEM;
    if (rc < 0)
        goto out;
    archive_read_support_format_tar(a);
    archive_read_set_callback_data(a, &r);
    archive_read_set_read_callback(a, reading_on_read);
    archive_read_set_skip_callback(a, reading_on_skip);
    if (archive_read_open1(a) != ARCHIVE_OK)
        rc = rt_error_set(&own, RT_EFORMAT, "%s: no tar", in->name);
    else
        rc = tar_read(t, in, a, &own);
    if (rc == 0 && t->count == 0)
        rc = rt_error_set(&own, RT_EFORMAT, "%s: no tar, or one without a single file%s%s", in->name,
                          *t->damage ? ": " : "", t->damage);
out:
    archive_read_free(a);
    if (rc < 0) {
        rt_error_set(e, rc, "%s%s%s", own.code ? "" : in->name, own.code ? "" : ": ",
                     own.code ? own.text : rt_err_words(rc));
        rt_tar_destroy(t);
        return rc;
    }
    *out = t;
    return 0;
}

void rt_tar_destroy(struct rt_tar *t)
{
    if (!t)
        return;
    free(t->member);
    free(t->names);
    free(t->slot);
    free(t);
}

/* ---- looking ---- */

int rt_tar_find(const struct rt_tar *t, const char *name, const char *member, int64_t *at, size_t *size,
                struct rt_error *e)
{
    uint32_t slot = *tar_slot(t, name_plain(member));
    if (!slot)
        return rt_error_set(e, RT_EMISSING, "%s: no member %.300s%s%s", name, member, *t->damage ? ": " : "",
                            t->damage);
    const struct member *m = &t->member[slot - 1];
    if (m->twice)
        return rt_error_set(e, RT_EFORMAT, "%s: two members are called %.300s: give each its own name", name, member);
    if (m->kind != MEMBER_FILE)
        return rt_error_set(e, RT_EFORMAT, "%s: %.300s is a %s in it: pack the file itself", name, member,
                            m->kind == MEMBER_LINK ? "link" : "file with holes");
    *at = m->at;
    *size = m->size;
    return 0;
}

size_t rt_tar_count(const struct rt_tar *t)
{
    return t->count;
}

const char *rt_tar_name(const struct rt_tar *t, size_t k, size_t *size)
{
    *size = t->member[k].size;
    return t->names + t->member[k].name;
}

const char *rt_tar_damage(const struct rt_tar *t)
{
    return t->damage;
}

/* ---- kept ----
 * As numbers of eight bytes in this machine's order (a store is not carried between machines), the names behind them. A
 * name that two members have is found again as they are added. */

enum kept_number { KEPT_AT, KEPT_SIZE, KEPT_MARK, KEPT_KIND, KEPT_NUMBERS };

bool rt_tar_holds(const struct rt_tar *t, const struct rt_input *in, const char *member)
{
    uint32_t slot = *tar_slot(t, name_plain(member));
    return slot && t->member[slot - 1].mark && t->member[slot - 1].mark == member_mark(in, t->member[slot - 1].at);
}

int rt_tar_pack(const struct rt_tar *t, uint8_t **bytes, size_t *size)
{
    uint64_t count = t->count;
    size_t row = KEPT_NUMBERS * sizeof(uint64_t), names = sizeof count + sizeof t->damage + t->count * row;
    uint8_t *out = *bytes = malloc(names + t->names_used);
    *size = names + t->names_used;
    if (!out)
        return RT_EMEM;
    memcpy(out, &count, sizeof count);
    memcpy(out + sizeof count, t->damage, sizeof t->damage);
    out += sizeof count + sizeof t->damage;
    for (size_t i = 0; i < t->count; i++, out += row) {
        const struct member *m = &t->member[i];
        uint64_t number[KEPT_NUMBERS] = {(uint64_t)m->at, m->size, m->mark, m->kind};
        memcpy(out, number, row);
    }
    memcpy(out, t->names, t->names_used);
    return 0;
}

static int tar_unpack_members(struct rt_tar *t, const uint8_t *row, size_t count, const char *name, size_t names,
                              size_t file)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t number[KEPT_NUMBERS];
        size_t length = strnlen(name, names);
        memcpy(number, row + i * sizeof number, sizeof number);
        if (length == names || !*name_plain(name) || number[KEPT_AT] > file ||
            number[KEPT_SIZE] > file - number[KEPT_AT] || number[KEPT_KIND] > MEMBER_SPARSE)
            return RT_EFORMAT;
        RT_TRY(tar_add(t, name, (struct member){.at = (int64_t)number[KEPT_AT], .size = (size_t)number[KEPT_SIZE],
                                                .mark = number[KEPT_MARK], .kind = (uint8_t)number[KEPT_KIND]}));
        name += length + 1;
        names -= length + 1;
    }
    return names ? RT_EFORMAT : 0;
}

static int tar_unpack(struct rt_tar *t, const uint8_t *in, size_t size, size_t file)
{
    uint64_t count;
    size_t head = sizeof count + sizeof t->damage, row = KEPT_NUMBERS * sizeof(uint64_t);
    RT_TRY(tar_grow(t));
    if (size < head)
        return RT_EFORMAT;
    memcpy(&count, in, sizeof count);
    memcpy(t->damage, in + sizeof count, sizeof t->damage);
    if (count == 0 || count > (size - head) / row || t->damage[sizeof t->damage - 1])
        return RT_EFORMAT;
    size_t names = head + (size_t)count * row;
    return tar_unpack_members(t, in + head, (size_t)count, (const char *)in + names, size - names, file);
}

int rt_tar_unpack(struct rt_tar **out, const void *bytes, size_t size, size_t file)
{
    struct rt_tar *t = *out = calloc(1, sizeof *t);
    int rc = t ? tar_unpack(t, bytes, size, file) : RT_EMEM;
    if (rc < 0) {
        rt_tar_destroy(t);
        *out = NULL;
    }
    return rc;
}
