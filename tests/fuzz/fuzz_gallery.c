/* SPDX-License-Identifier: MIT
 * fuzz_gallery: any bytes -> a refused file with a message, or people of whom each has a name and a place among the
 * nearest, with a score that is a number. */
#include "stages/session/gallery.h"
#include "tests/fuzz/fuzz_file.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_gallery g;
    struct rt_error e = {0};
    char path[160];
    fuzz_write("gallery", data, size);
    fuzz_path(path, "gallery");
    int rc = rt_gallery_read(&g, path, &e);
    if (rc < 0) {
        assert(e.code == rc && e.text[0]);
        rt_gallery_fini(&g);
        return 0;
    }
    size_t people = (size_t)g.people;
    float *asked = malloc((size_t)g.dim * sizeof *asked);
    int *who = malloc(people * sizeof *who);
    double *score = malloc(people * sizeof *score);
    if (!asked || !who || !score)
        abort();
    for (int i = 0; i < g.dim; i++)
        asked[i] = i % 3 ? 0.5f : -1;
    assert(rt_gallery_nearest(&g, asked, g.people, who, score) == g.people);
    for (int i = 0; i < g.people; i++) {
        assert(g.name[who[i]] && g.samples[who[i]] > 0 && isfinite(score[i]));
        assert(i == 0 || score[i] <= score[i - 1]);
    }
    assert(!isinf(g.threshold));
    free(asked);
    free(who);
    free(score);
    rt_gallery_fini(&g);
    return 0;
}
