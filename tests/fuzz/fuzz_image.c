/* SPDX-License-Identifier: MIT
 * fuzz_image: any bytes -> a picture or a named error; what is decoded keeps the header's limits
 * and can be fitted into any size. */
#include "formats/imagefile.h"

#include <assert.h>
#include <stdint.h>

#define FIT_PIXELS 4000000 /* a thousand bytes may be a picture of 60 million, each of which costs time here */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libdav1d, behind libheif 1.15, keeps 40 bytes of an AVIF whose stream is damaged: theirs, and not ours to free. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libdav1d\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_image im;
    struct rt_error e = {0};
    uint8_t fit[24 * 24 * 3];
    int rc = rt_image_decode(&im, data, size, "fuzz", &e);
    if (rc) {
        assert(rc == e.code && e.text[0] && !im.rgb);
        return 0;
    }
    assert(im.width >= 1 && im.width <= RT_IMAGE_SIDE_MAX);
    assert(im.height >= 1 && im.height <= RT_IMAGE_SIDE_MAX);
    assert((int64_t)im.width * im.height <= RT_IMAGE_PIXELS_MAX);
    if ((int64_t)im.width * im.height <= FIT_PIXELS) {
        rc = rt_image_fit(&im, 24, 24, fit, NULL);
        assert(rc == 0);
        rc = rt_image_resize(&im, 1 + im.width % 24, 24, fit);
        assert(rc == 0);
    }
    rt_image_fini(&im);
    return 0;
}
