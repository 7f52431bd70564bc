/* SPDX-License-Identifier: MIT
 * fuzz_graph: any text as a network (`retort.network`): refused with its line, or a graph whose text is read back to
 * the same text. Its weights are limited, as those of a file are to what the file holds. */
#include "stages/nn/graph.h"
#include "tests/fuzz/fuzz_file.h"

#define NUMBERS 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int graph_read(struct rt_graph **g, const char *text, struct rt_error *e)
{
    if (rt_graph_create(g) < 0)
        abort();
    rt_graph_limit(*g, NUMBERS);
    return rt_graph_parse(*g, text, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_graph *g, *again;
    struct rt_error e = {0};
    char *text = fuzz_text(data, size);
    if (graph_read(&g, text, &e) < 0) {
        assert(e.code < 0 && e.text[0]);
    } else {
        char *first = rt_graph_text(g, rt_graph_nodes(g));
        int rc = first ? graph_read(&again, first, &e) : -1;
        char *second = rc < 0 ? NULL : rt_graph_text(again, rt_graph_nodes(again));
        assert(first && rc == 0 && second && !strcmp(first, second));
        rt_graph_destroy(again);
        free(first);
        free(second);
    }
    rt_graph_destroy(g);
    free(text);
    return 0;
}
