/* SPDX-License-Identifier: MIT
 * jsonread: see jsonread.h.
 * Without memory jansson's parser says that the text is wrong, and in some places (2.14) reads through NULL. So while
 * it parses, an allocation that fails is served from a reserve made before, and the result is thrown away. Its writer
 * goes on without what it had no memory for, so there the same is watched, without a reserve. */
#include "formats/jsonread.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define FOR_EACH_BYTE 64 /* of the text: "[]," becomes a value of some 80 bytes, and lists grow by doubling */
#define AT_LEAST 4096
#define ENOUGH ((size_t)64 << 20) /* whoever has read so much and then has no memory for the rest is at an end anyway */

static struct {
    json_malloc_t malloc;
    json_free_t free;
} host; /* what jansson was told to use before, by whatever program this is part of */

/* Of the parse under way in this thread. */
static _Thread_local struct reserve {
    unsigned char *bytes;
    size_t size, used;
    bool needed;
} reserve;

static void *reserve_malloc(size_t size)
{
    void *p = host.malloc(size);
    size_t room = (size + 15) / 16 * 16;
    if (p || !reserve.bytes)
        return p;
    reserve.needed = true;
    if (room < size || room > reserve.size - reserve.used)
        return NULL;
    p = reserve.bytes + reserve.used;
    reserve.used += room;
    return p;
}

static void reserve_free(void *p)
{
    uintptr_t at = (uintptr_t)p, first = (uintptr_t)reserve.bytes;
    if (!reserve.bytes || at < first || at >= first + reserve.size)
        host.free(p);
}

static void reserve_install(void)
{
    json_get_alloc_funcs(&host.malloc, &host.free);
    json_set_alloc_funcs(reserve_malloc, reserve_free);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

int rt_json_read(json_t **out, const char *text, size_t size, size_t flags, json_error_t *wrong)
{
    *out = NULL;
    pthread_once(&once, reserve_install);
    struct reserve r = {.size = size < ENOUGH / FOR_EACH_BYTE ? size * FOR_EACH_BYTE + AT_LEAST : ENOUGH};
    r.bytes = malloc(r.size);
    if (!r.bytes)
        return RT_EMEM;
    reserve = r;
    json_t *value = json_loadb(text, size, flags, wrong);
    bool short_of_memory = reserve.needed;
    if (short_of_memory) {
        json_decref(value);
        value = NULL;
    }
    reserve = (struct reserve){0};
    free(r.bytes);
    *out = value;
    return value ? 0 : short_of_memory ? RT_EMEM : RT_EFORMAT;
}

char *rt_json_write(const json_t *value, size_t flags)
{
    unsigned char none[1];
    pthread_once(&once, reserve_install);
    reserve = (struct reserve){.bytes = none};
    char *text = json_dumps(value, flags);
    bool short_of_memory = reserve.needed;
    reserve = (struct reserve){0};
    if (!short_of_memory)
        return text;
    free(text);
    return NULL;
}
