/* SPDX-License-Identifier: MIT
 * imagefile_heif: HEIC (of telephones) and AVIF -> RGBA by libheif, which also turns them upright. An optional part
 * (meson option heif). */
#include "formats/dynload.h"
#include "formats/imagefile_parts.h"
#include <libheif/heif.h>
#include <string.h>

#define HEIF(F) \
    F(heif_context_alloc) F(heif_context_free) F(heif_context_get_primary_image_handle) \
    F(heif_context_read_from_memory_without_copy) F(heif_context_set_max_decoding_threads) \
    F(heif_context_set_maximum_image_size_limit) F(heif_decode_image) F(heif_image_get_height) \
    F(heif_image_get_plane_readonly) F(heif_image_get_width) F(heif_image_handle_get_height) \
    F(heif_image_handle_get_width) F(heif_image_handle_release) F(heif_image_release)
static struct {
    HEIF(RT_DYNLOAD_FIELD)
} lib;
static struct rt_dynload libheif = RT_DYNLOAD("libheif.so.1", HEIF, lib);

static int heif_fail(struct rt_picture *p, struct heif_error error)
{
    if (error.code == heif_error_Memory_allocation_error)
        return rt_error_set(p->e, RT_ELARGE, "%s: %s", p->name, error.message);
    if (error.code == heif_error_Unsupported_filetype || error.code == heif_error_Unsupported_feature)
        return rt_error_set(p->e, RT_EFORMAT, "%s: AVIF or HEIC that libheif does not read here: %s; convert it to PNG",
                            p->name, error.message);
    return rt_picture_damaged(p, "AVIF or HEIC", error.message);
}

static int heif_copy(struct rt_picture *p, const struct heif_image *image)
{
    int stride, width = lib.heif_image_get_width(image, heif_channel_interleaved);
    int height = lib.heif_image_get_height(image, heif_channel_interleaved);
    const uint8_t *plane = lib.heif_image_get_plane_readonly(image, heif_channel_interleaved, &stride);
    if (!plane || width < 1 || height < 1)
        return rt_picture_damaged(p, "AVIF or HEIC", "no pixels");
    RT_TRY(rt_picture_reserve(p, (uint64_t)width, (uint64_t)height, 4));
    for (int y = 0; y < height; y++)
        memcpy(p->pixels + (size_t)y * (size_t)width * 4, plane + (size_t)y * (size_t)stride, (size_t)width * 4);
    return 0;
}

/* The size is known before anything is decoded, and checked against our limits then. */
static int heif_read(struct rt_picture *p, struct heif_context *context, struct heif_image_handle **handle,
                     struct heif_image **image)
{
    lib.heif_context_set_maximum_image_size_limit(context, RT_IMAGE_SIDE_MAX);
    lib.heif_context_set_max_decoding_threads(context, 0);
    struct heif_error error = lib.heif_context_read_from_memory_without_copy(context, p->bytes, p->size, NULL);
    if (error.code == heif_error_Ok)
        error = lib.heif_context_get_primary_image_handle(context, handle);
    if (error.code != heif_error_Ok)
        return heif_fail(p, error);
    int width = lib.heif_image_handle_get_width(*handle), height = lib.heif_image_handle_get_height(*handle);
    RT_TRY(rt_picture_check_size(p, (uint64_t)(width > 0 ? width : 0), (uint64_t)(height > 0 ? height : 0)));
    error = lib.heif_decode_image(*handle, image, heif_colorspace_RGB, heif_chroma_interleaved_RGBA, NULL);
    if (error.code != heif_error_Ok)
        return heif_fail(p, error);
    return heif_copy(p, *image);
}

int rt_picture_heif(struct rt_picture *p)
{
    RT_TRY(rt_dynload(&libheif, p->name, p->e));
    struct heif_image_handle *handle = NULL;
    struct heif_image *image = NULL;
    struct heif_context *context = lib.heif_context_alloc();
    if (!context)
        return rt_error_set(p->e, RT_EMEM, "%s: out of memory for the picture", p->name);
    int rc = heif_read(p, context, &handle, &image);
    lib.heif_image_release(image);
    lib.heif_image_handle_release(handle);
    lib.heif_context_free(context);
    return rc;
}
