/* SPDX-License-Identifier: MIT
 * fuzz_shapes: another program's network asked in shapes that it may not like: the first SHAPE bytes are the dimensions
 * of its inputs, one after the other and over again, what follows is the file (fuzz_frozen). Refused with words, or
 * answered, several samples at once with the bytes that each has alone. */
#include "stages/onnx/frozen/frozen_shapes.h"
#include "tests/fuzz/fuzz_file.h"

#define SHAPE 8
#define INPUTS 4
#define BYTES ((size_t)1 << 16)     /* of an input */
#define RUN_BYTES ((size_t)1 << 20) /* of a run's values: who asks for more waits for it, and that is no fault */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct asked {
    struct rt_frozen_given given[INPUTS];
    int count;
};

/* Small numbers: they may be sizes, and the turns of a loop. */
static void given_fill(struct rt_tensor *t, int64_t count, int value)
{
    for (int64_t i = 0; i < count && t->dtype == RT_I64; i++)
        ((int64_t *)t->data)[i] = value;
    for (int64_t i = 0; i < count && t->dtype == RT_I32; i++)
        ((int32_t *)t->data)[i] = value;
    for (int64_t i = 0; i < count && t->dtype == RT_F32; i++)
        ((float *)t->data)[i] = (float)value;
}

/* As the file says, where it says it; else as the input does. false: too large, or of too many. */
static bool asked_make(struct asked *a, const struct rt_onnx *o, const uint8_t *shape, int turn)
{
    *a = (struct asked){.count = o->inputs};
    if (o->inputs > INPUTS)
        return false;
    for (int i = 0, at = turn; i < o->inputs; i++) {
        const struct rt_onnx_value *v = &o->input[i];
        int64_t dim[RT_TENSOR_RANK], count;
        size_t bytes;
        int rank = v->rank < 0 ? shape[at++ % SHAPE] % (RT_TENSOR_RANK + 1) : v->rank;
        for (int d = 0; d < rank && d < RT_TENSOR_RANK; d++, at++)
            dim[d] = v->rank >= 0 && v->dim[d] >= 0 ? v->dim[d] : shape[at % SHAPE] % 9;
        if (rank > RT_TENSOR_RANK || rt_tensor_size(v->dtype, rank, dim, &count, &bytes) < 0 || bytes > BYTES ||
            rt_tensor_init(&a->given[i].tensor, v->dtype, rank, dim) < 0)
            return false;
        a->given[i].name = v->name;
        given_fill(&a->given[i].tensor, count, shape[at % SHAPE] % 4);
    }
    return true;
}

static void asked_fini(struct asked *a)
{
    for (int i = 0; i < a->count && i < INPUTS; i++)
        rt_tensor_fini(&a->given[i].tensor);
}

static bool asked_is_small(const struct rt_onnx *o, const struct asked *a)
{
    struct rt_tensor shape[INPUTS];
    struct rt_frozen *f;
    for (int i = 0; i < a->count; i++) {
        shape[i] = a->given[i].tensor;
        shape[i].data = shape[i].dtype == RT_F32 ? NULL : shape[i].data; /* the others may decide how much there is */
    }
    if (rt_frozen_create(&f, o, "input", &(struct rt_frozen_options){.input = shape}, NULL) < 0)
        return true; /* so will the asker */
    bool small = rt_frozen_bytes(f) <= RUN_BYTES;
    rt_frozen_destroy(f);
    return small;
}

static int sample_take(void *self, int sample, const struct rt_tensor *answer, struct rt_error *e)
{
    (void)e;
    *(int *)self += 1;
    assert(sample >= 0 && answer && rt_tensor_bytes(answer) < SIZE_MAX / 2);
    return 0;
}

static void asker_ask(struct rt_frozen_asker *x, const struct asked *a)
{
    struct rt_error e = {0};
    int taken = 0;
    if (rt_frozen_asker_ready(x, a->given, a->count, &e) < 0) {
        assert(e.code < 0 && e.text[0]);
        return;
    }
    if (rt_frozen_ask(x, a->given, a->count, &e) < 0) {
        assert(e.code < 0 && e.text[0]);
        return;
    }
    const struct rt_tensor *first = &a->given[0].tensor;
    int samples = a->count && first->rank ? (int)first->dim[0] : 0;
    if (samples > 1 && rt_frozen_ask_each(x, a->given, a->count, samples, sample_take, &taken, &e) == 0)
        assert(taken == samples);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_onnx *o;
    struct rt_frozen_shapes *s;
    struct rt_frozen_asker *x = NULL;
    struct rt_error e = {0};
    if (size < SHAPE || rt_onnx_parse(&o, data + SHAPE, size - SHAPE, "input", NULL, &e) < 0)
        return 0;
    if (o->nodes < 64 && rt_frozen_shapes_create(&s, o, "input", NULL, 0, &e) == 0) {
        for (int turn = 0; turn < 3 && (x || rt_frozen_asker_create(&x, s) == 0); turn++) {
            struct asked a;
            if (asked_make(&a, o, data, turn) && asked_is_small(o, &a))
                asker_ask(x, &a);
            asked_fini(&a);
        }
        rt_frozen_asker_destroy(x);
        rt_frozen_shapes_destroy(s);
    }
    rt_onnx_destroy(o);
    return 0;
}
