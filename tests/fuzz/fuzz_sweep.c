/* SPDX-License-Identifier: MIT
 * fuzz_sweep: any bytes as a sweep's file, as seeds and as a grid; what is accepted refers only to what is there,
 * what is refused says why. */
#include "formats/sweep.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sweep_is_whole(const struct rt_sweep *s)
{
    char slug[RT_SWEEP_NAME];
    assert(s->settings > 0 && s->settings <= RT_SWEEP_SETTINGS && s->compare < s->settings && s->seeds > 0);
    for (int i = 0; i < s->settings; i++) {
        assert(s->setting[i].teacher < s->teachers);
        assert(strlen(rt_sweep_slug(s->setting[i].name, slug)) < RT_SWEEP_NAME);
        for (int k = 0; k < s->setting[i].set.count; k++)
            assert(strchr(s->setting[i].set.text[k], '='));
    }
    for (int p = 0; p < s->pairs; p++)
        assert(s->pair[p][0] < s->settings && s->pair[p][1] < s->settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_sweep *s;
    struct rt_error e = {0};
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (rt_sweep_parse(&s, (const char *)data, size, "fuzzed", "/folder", &e) == 0) {
        sweep_is_whole(s);
        if (rt_sweep_vary(s, "train.lr=1e-3,2e-3", &e) == 0 && rt_sweep_vary(s, text, &e) == 0)
            sweep_is_whole(s);
        rt_sweep_seeds(s, text, &e);
    } else {
        assert(e.code < 0 && !strncmp(e.text, "fuzzed:", 7));
    }
    rt_sweep_destroy(s);
    free(text);
    return 0;
}
