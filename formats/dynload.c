/* SPDX-License-Identifier: MIT
 * dynload: see dynload.h. */
#include "formats/dynload.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

/* One lock for all: a library is loaded once in the life of a program. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *dynload_try(struct rt_dynload *l)
{
    char *field = l->functions;
    void *library = dlopen(l->soname, RTLD_LAZY | RTLD_LOCAL);
    if (!library)
        return dlerror();
    for (const char *name = l->names; *name; name += strlen(name) + 1, field += sizeof(void *)) {
        void *function = dlsym(library, name);
        if (!function)
            return dlerror();
        memcpy(field, &function, sizeof function);
    }
    return NULL;
}

int rt_dynload(struct rt_dynload *l, const char *name, struct rt_error *e)
{
    pthread_mutex_lock(&lock);
    const char *wrong = l->loaded ? NULL : dynload_try(l);
    l->loaded = !wrong;
    if (wrong) /* under the lock: the words are the linker's own */
        rt_error_set(e, RT_EMISSING, "%s: is read by %s, which cannot be loaded: %s", name, l->soname, wrong);
    pthread_mutex_unlock(&lock);
    return wrong ? RT_EMISSING : 0;
}
