/* SPDX-License-Identifier: MIT
 * imagefile_pixels: see imagefile_parts.h. A decoder learns the size first and asks here for the pixels, so that one
 * place holds the limits: a file of some kilobytes may claim a picture of gigabytes. */
#include "formats/imagefile_parts.h"

#include <stdlib.h>

int rt_picture_check_size(struct rt_picture *p, uint64_t width, uint64_t height)
{
    if (width < 1 || height < 1)
        return rt_error_set(p->e, RT_EFORMAT, "%s: a picture of %llu x %llu pixels", p->name,
                            (unsigned long long)width, (unsigned long long)height);
    if (width > RT_IMAGE_SIDE_MAX || height > RT_IMAGE_SIDE_MAX ||
        width * height > RT_IMAGE_PIXELS_MAX)
        return rt_error_set(
            p->e, RT_ELARGE,
            "%s: %llu x %llu pixels; at most %d a side and %d in all, make it smaller", p->name,
            (unsigned long long)width, (unsigned long long)height, RT_IMAGE_SIDE_MAX,
            RT_IMAGE_PIXELS_MAX);
    return 0;
}

int rt_picture_reserve(struct rt_picture *p, uint64_t width, uint64_t height, int channels)
{
    RT_TRY(rt_picture_check_size(p, width, height));
    p->pixels = malloc((size_t)(width * height) * (size_t)channels);
    if (!p->pixels)
        return rt_error_set(p->e, RT_EMEM, "%s: out of memory for %llu x %llu pixels", p->name,
                            (unsigned long long)width, (unsigned long long)height);
    p->width = (int)width;
    p->height = (int)height;
    p->channels = channels;
    return 0;
}

int rt_picture_damaged(struct rt_picture *p, const char *kind, const char *words)
{
    return rt_error_set(p->e, RT_EFORMAT, "%s: damaged or cut short %s: %s", p->name, kind, words);
}
