/* SPDX-License-Identifier: MIT
 * fuzz_extent: the first line of any bytes as cells of start, end, channel and box; what lies behind it as a recording,
 * and as a picture, of which that part is cut: it is inside, or refused. */
#include "formats/audiofile.h"
#include "formats/imagefile.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The cells of the line; false: one of them is refused. */
static bool line_read(char *line, struct rt_extent *x)
{
    *x = (struct rt_extent){0};
    for (int c = 0; c < RT_EXTENT_COLUMNS; c++) {
        char *cell = strsep(&line, "\t");
        if (cell && rt_extent_read(x, (enum rt_extent_column)c, cell))
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    size_t length = end ? (size_t)(end - data) : size;
    char line[200], words[RT_EXTENT_WORDS];
    struct rt_input in = RT_INPUT(data + length + (end != NULL), size - length - (end != NULL), "fuzzed");
    struct rt_error e = {0};
    struct rt_audio a;
    struct rt_image im;
    snprintf(line, sizeof line, "%.*s", (int)(length < 199 ? length : 199), (const char *)data);
    if (!line_read(line, &in.extent))
        return 0;
    assert(strlen(rt_extent_words(&in.extent, words, sizeof words)) < sizeof words);
    if (rt_audio_decode(&a, &in, false, &e) == 0) {
        assert(a.count > 0);
        rt_audio_fini(&a);
    }
    if (rt_image_decode_input(&im, &in, &e) == 0) {
        assert(im.width > 0 && im.height > 0);
        rt_image_fini(&im);
    }
    return 0;
}
