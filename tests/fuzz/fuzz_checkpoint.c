/* SPDX-License-Identifier: MIT
 * fuzz_checkpoint: what a resumed run gets for a checkpoint: any bytes, or, where they are no safetensors file, edits
 * (place, byte) of the checkpoint that a small learner has just written, so that the corpus outlives a change of its
 * keys. Refused with a message, or a learner that is saved again and makes one more update. */
#include "formats/file.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/stages/distill/learner_toy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct learner_toy toy;
static uint8_t *saved;
static size_t saved_size;

static void learner_start(struct lt_learner *l)
{
    memset(l, 0, sizeof *l);
    if (lt_start(&toy, l, 1, 1, NULL) < 0)
        abort();
}

static void learner_update(const struct lt_learner *l)
{
    static const int rows[] = {0, 1, 2, 3, 6, 7};
    static struct lt_batch b;
    struct rt_step_report r;
    struct rt_error e = {0};
    lt_batch(&toy, &b, rows, 6);
    if (lt_step(&toy, l->learner, &b.b, &r, &e) < 0)
        assert(e.code < 0);
}

/* The toy, and its checkpoint after an update. */
static void checkpoint_make(void)
{
    struct lt_learner l;
    struct rt_safetensors *s;
    struct rt_error e = {0};
    char path[160];
    lt_make(&toy, "train.steps=20 student.width=4");
    learner_start(&l);
    learner_update(&l);
    fuzz_write("list", NULL, 0);
    fuzz_path(path, "list");
    if (rt_safetensors_create(&s) < 0 || rt_learner_save(l.learner, s) < 0 || rt_safetensors_write(s, path, &e) < 0 ||
        rt_file_read(path, 1 << 24, &saved, &saved_size, &e) < 0)
        abort();
    rt_safetensors_destroy(s);
    lt_stop(&l);
}

static struct rt_safetensors *checkpoint_edited(const uint8_t *data, size_t size)
{
    struct rt_safetensors *s = NULL;
    struct rt_error e = {0};
    if (rt_safetensors_parse(&s, data, size, "input", &e) == 0)
        return s;
    uint8_t *copy = malloc(saved_size);
    if (!copy)
        abort();
    memcpy(copy, saved, saved_size);
    for (size_t i = 0; i + 3 <= size; i += 3)
        copy[(data[i] | (size_t)data[i + 1] << 8) % saved_size] = data[i + 2];
    if (rt_safetensors_parse(&s, copy, saved_size, "input", &e) < 0)
        s = NULL;
    free(copy);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lt_learner l;
    struct rt_safetensors *again;
    struct rt_error e = {0};
    if (!saved)
        checkpoint_make();
    struct rt_safetensors *s = checkpoint_edited(data, size);
    if (!s)
        return 0;
    learner_start(&l);
    if (rt_learner_load(l.learner, s, "input", &e) < 0) {
        assert(e.code < 0 && e.text[0]);
    } else if (rt_safetensors_create(&again) == 0) {
        int rc = rt_learner_save(l.learner, again);
        assert(rc == 0);
        (void)rc;
        rt_safetensors_destroy(again);
        learner_update(&l);
    }
    lt_stop(&l);
    rt_safetensors_destroy(s);
    return 0;
}
