/* SPDX-License-Identifier: MIT
 * fuzz_onnx: any bytes -> a refused file with a message, or a network whose every name can be looked
 * up, whose nodes stand in order, and whose every element can be read. */
#include "formats/onnx.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define FOLDER "tests/fuzz/corpus/onnx" /* where weights beside the model may lie */

static volatile uint8_t sink; /* keeps the reads in optimised builds */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_tensor(const struct rt_tensor *t)
{
    for (size_t k = 0; k < rt_tensor_bytes(t); k++)
        sink = ((const uint8_t *)t->data)[k];
}

static void read_node(const struct rt_onnx_node *n)
{
    for (int i = 0; i < n->attrs; i++) {
        const struct rt_onnx_attr *a = &n->attr[i];
        assert(rt_onnx_attr(n, a->name) == a);
        if (a->kind == RT_ONNX_TENSOR)
            read_tensor(&a->t);
        for (int k = 0; k < a->count; k++)
            if (a->kind == RT_ONNX_STRINGS)
                sink = (uint8_t)strlen(a->strings[k]);
            else
                sink = (uint8_t)(a->kind == RT_ONNX_INTS ? a->ints[k] : a->floats[k] > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_onnx *o;
    struct rt_error e;
    int rc = rt_onnx_parse(&o, data, size, "input", FOLDER, &e);
    if (rc) {
        assert(!o && e.code == rc && e.text[0]);
        return 0;
    }
    for (int i = 0; i < o->nodes; i++)
        read_node(&o->node[i]);
    for (int i = 0; i < o->initializers; i++) {
        assert(rt_onnx_initializer(o, o->initializer[i].name) == &o->initializer[i].tensor);
        read_tensor(&o->initializer[i].tensor);
    }
    for (int i = 0; i < o->texts; i++)
        assert(rt_onnx_text(o, o->text[i].key) == o->text[i].value);
    assert(rt_onnx_check(o, "input", &e) == 0); /* what was read may be written */
    rt_onnx_destroy(o);
    return 0;
}
