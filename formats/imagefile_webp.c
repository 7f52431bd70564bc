/* SPDX-License-Identifier: MIT
 * imagefile_webp: WebP, lossy or lossless, -> RGBA by libwebp, EXIF out of its container by libwebpdemux.
 * Animations are refused. */
#include "formats/imagefile_parts.h"
#include <webp/decode.h>
#include <webp/demux.h>

static const char *webp_status_words(VP8StatusCode status)
{
    switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
        return "out of memory";
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA:
        return "the file ends too early";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return "a feature libwebp does not know";
    default:
        return "the bitstream is wrong";
    }
}

/* libwebp decodes into memory that is given to it, so the limits of rt_picture_reserve hold before
 * a pixel is made. An animation is refused rather than cut to its first picture: nobody meant that.
 */

static int webp_orientation(const struct rt_picture *p)
{
    WebPData data = {p->bytes, p->size};
    WebPDemuxer *demuxer = WebPDemux(&data);
    WebPChunkIterator chunk;
    int orientation = 1;
    if (demuxer && WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk)) {
        orientation = rt_picture_exif(chunk.chunk.bytes, chunk.chunk.size);
        WebPDemuxReleaseChunkIterator(&chunk);
    }
    WebPDemuxDelete(demuxer);
    return orientation;
}

int rt_picture_webp(struct rt_picture *p)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return rt_error_set(p->e, RT_EFORMAT,
                            "%s: libwebp has another version than it was built for", p->name);
    VP8StatusCode status = WebPGetFeatures(p->bytes, p->size, &config.input);
    if (status != VP8_STATUS_OK)
        return rt_picture_damaged(p, "WebP", webp_status_words(status));
    if (config.input.has_animation)
        return rt_error_set(p->e, RT_EFORMAT, "%s: an animated WebP; give a single picture",
                            p->name);
    int rc = rt_picture_reserve(p, (uint64_t)config.input.width, (uint64_t)config.input.height, 4);
    if (rc)
        return rc;
    config.output.colorspace = MODE_RGBA;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = p->pixels;
    config.output.u.RGBA.stride = p->width * 4;
    config.output.u.RGBA.size = (size_t)p->width * (size_t)p->height * 4;
    p->orientation = webp_orientation(p);
    status = WebPDecode(p->bytes, p->size, &config);
    WebPFreeDecBuffer(&config.output);
    if (status == VP8_STATUS_OUT_OF_MEMORY)
        return rt_error_set(p->e, RT_EMEM, "%s: out of memory for the picture", p->name);
    return status == VP8_STATUS_OK ? 0 : rt_picture_damaged(p, "WebP", webp_status_words(status));
}
