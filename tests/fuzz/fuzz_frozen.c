/* SPDX-License-Identifier: MIT
 * fuzz_frozen: any bytes as another program's network: beyond the reader (fuzz_onnx) it is made ready to run, and runs
 * once where it is small; then it is thawed into a network that could train. What is refused says why. */
#include "stages/onnx/frozen/frozen.h"
#include "stages/onnx/thaw/thaw.h"
#include "tests/fuzz/fuzz_file.h"

#define BYTES ((size_t)1 << 22) /* of all values of a run, at most */
#define INPUTS 8
#define STEPS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void frozen_run(const struct rt_frozen *f, int inputs)
{
    struct rt_frozen_exec *x;
    struct rt_error e = {0};
    void *input[INPUTS] = {NULL};
    int rc = 0;
    size_t total = rt_frozen_bytes(f);
    if (inputs > INPUTS || rt_frozen_steps(f) > STEPS)
        return;
    for (int i = 0; i < inputs; i++) {
        const struct rt_tensor *shape;
        rt_frozen_input(f, i, &shape);
        size_t bytes = rt_tensor_bytes(shape);
        total += bytes;
        input[i] = bytes <= BYTES ? calloc(1, bytes + 1) : NULL;
        rc = input[i] ? rc : -1;
    }
    if (rc == 0 && total <= BYTES && rt_frozen_exec_create(&x, f) == 0) {
        if (rt_frozen_run(x, (const void *const *)input, &e) < 0)
            assert(e.text[0]);
        rt_frozen_exec_destroy(x);
    }
    for (int i = 0; i < inputs; i++)
        free(input[i]);
}

/* As a student's start is: one input, whose leading dimension is the sample. */
static void frozen_thaw(const struct rt_frozen *f)
{
    struct rt_graph *g;
    struct rt_error e = {0};
    const struct rt_tensor *shape;
    struct rt_thaw_input in = {0};
    struct rt_shape own = {.rank = 0};
    int node;
    if (rt_graph_create(&g) < 0)
        return;
    rt_graph_limit(g, 100000);
    rt_frozen_input(f, 0, &shape);
    for (int d = 1; d < shape->rank && own.rank < RT_NODE_RANK && shape->dim[d] < 10000; d++) {
        in.axis[own.rank] = d;
        own.dim[own.rank++] = (int)shape->dim[d];
    }
    if (own.rank && (in.node = rt_graph_input(g, "input", own)) >= 0 && rt_thaw(g, f, &in, &node, &e) < 0)
        assert(e.text[0]);
    rt_graph_destroy(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_onnx *o;
    struct rt_frozen *f;
    struct rt_error e = {0};
    if (rt_onnx_parse(&o, data, size, "input", NULL, &e) < 0)
        return 0;
    for (int plain = 0; plain < 2; plain++) {
        if (rt_frozen_create(&f, o, "input", &(struct rt_frozen_options){.plain = plain}, &e) < 0) {
            assert(!f && e.text[0]);
            break;
        }
        frozen_run(f, o->inputs);
        if (plain && o->inputs == 1)
            frozen_thaw(f);
        rt_frozen_destroy(f);
    }
    rt_onnx_destroy(o);
    return 0;
}
