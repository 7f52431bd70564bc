/* SPDX-License-Identifier: MIT
 * fuzz_control: any texts as what a checkpoint keeps of a run's settings, its samples and the changes that wait (three
 * texts, apart by NUL): refused with words, or written again and read back to the same texts. */
#include "pipeline/live/control.h"
#include "tests/fuzz/fuzz_file.h"

#define ROWS 20
#define STEP 7

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rt_control *control_make(void)
{
    static struct rt_recipe recipe;
    struct rt_control *c;
    if (!recipe.train_batch)
        rt_recipe_init(&recipe);
    if (rt_control_create(&c, &recipe) < 0 || rt_control_samples(c, ROWS) < 0)
        abort();
    return c;
}

static void check_same(struct rt_control *c)
{
    struct rt_control_text first, second;
    struct rt_error e = {0};
    struct rt_control *again = control_make();
    if (rt_control_save(c, &first) < 0)
        abort();
    int rc = rt_control_load(again, &first, STEP, &e);
    assert(rc == 0);
    (void)rc;
    if (rt_control_save(again, &second) < 0)
        abort();
    assert(!strcmp(first.settings, second.settings) && !strcmp(first.samples, second.samples) &&
           !strcmp(first.pending, second.pending));
    rt_control_text_fini(&first);
    rt_control_text_fini(&second);
    rt_control_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_error e = {0};
    char *text = fuzz_text(data, size), *end = text + size;
    char *samples = text + strlen(text) < end ? text + strlen(text) + 1 : NULL;
    char *pending = samples && samples + strlen(samples) < end ? samples + strlen(samples) + 1 : NULL;
    struct rt_control_text kept = {.settings = text, .samples = samples, .pending = pending};
    struct rt_control *c = control_make();
    if (rt_control_load(c, &kept, STEP, &e) < 0)
        assert(e.code < 0 && e.text[0]);
    else
        check_same(c);
    rt_control_destroy(c);
    free(text);
    return 0;
}
