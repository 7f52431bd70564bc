/* SPDX-License-Identifier: MIT
 * imagefile_exif: how a camera was held, from the EXIF data of a picture of any kind, by libexif. Damaged
 * EXIF means upright: the pixels are what counts. */
#include "formats/imagefile_parts.h"
#include <libexif/exif-data.h>
#include <string.h>

#define EXIF_MAX 0xfff0 /* libexif counts in 16 bits */

static const uint8_t header[6] = "Exif\0";

static int exif_orientation(const uint8_t *exif, size_t size)
{
    ExifData *data = exif_data_new_from_data(exif, (unsigned)size);
    ExifEntry *entry = data ? exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION) : NULL;
    int orientation = 1;
    if (entry && entry->format == EXIF_FORMAT_SHORT && entry->size >= 2)
        orientation = exif_get_short(entry->data, exif_data_get_byte_order(data));
    if (data)
        exif_data_unref(data);
    return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

/* JPEG has a header before the data, which libexif wants; PNG and WebP have none. The orientation stands in front, so a
 * long block (a thumbnail is in it) may be cut. */
int rt_picture_exif(const uint8_t *bytes, size_t size)
{
    uint8_t exif[sizeof header + EXIF_MAX];
    size = size < EXIF_MAX ? size : EXIF_MAX;
    if (size >= sizeof header && !memcmp(bytes, header, sizeof header))
        return exif_orientation(bytes, size);
    memcpy(exif, header, sizeof header);
    if (size)
        memcpy(exif + sizeof header, bytes, size);
    return exif_orientation(exif, sizeof header + size);
}
