/* SPDX-License-Identifier: MIT
 * libav: see libav.h. libavformat depends on the other two, so it finds their functions as well. */
#include "formats/libav.h"

struct rt_libav rt_av;

#define SONAME "libavformat.so." AV_STRINGIFY(LIBAVFORMAT_VERSION_MAJOR)

static struct rt_dynload library = RT_DYNLOAD(SONAME, RT_LIBAV, rt_av);

int rt_libav_load(const char *name, struct rt_error *e)
{
    RT_TRY(rt_dynload(&library, name, e));
    rt_av.av_log_set_level(AV_LOG_QUIET); /* the same for all threads, so no matter whose call comes last */
    return 0;
}
