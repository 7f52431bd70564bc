/* SPDX-License-Identifier: MIT
 * fuzz_reply: any line as what a run says to its clients: a command prints its values, a screen reads its fields,
 * whatever shape they have. */
#include "pipeline/live/client.h"
#include "pipeline/live/link.h"
#include "tests/fuzz/fuzz_file.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void field_look(void *self, const char *name, const char *value)
{
    *(size_t *)self += strlen(name) + strlen(value);
}

static void item_look(void *self, const struct rt_link_line *item)
{
    rt_link_fields(item, field_look, self);
}

/* As link.c makes it of a line. */
static void line_look(const json_t *reply)
{
    static const char *const names[] = {"step", "state", "stages", "frames", "shape", "error", "result"};
    struct rt_link_line line = {.ok = true, .said = json_object_get(reply, "result")};
    char text[40];
    size_t total = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        rt_link_text(&line, names[i], text, sizeof text);
        rt_link_number(&line, names[i]);
        rt_link_join(&line, names[i], ", ", text, sizeof text);
        rt_link_items(&line, names[i], item_look, &total);
    }
    rt_link_fields(&line, field_look, &total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    char *text = fuzz_text(data, size), value[60];
    if (!nowhere && !(nowhere = fopen("/dev/null", "w")))
        abort();
    rt_client_print(text, nowhere);
    rt_client_value(text, "step", value, sizeof value);
    json_t *reply = json_loads(text, 0, NULL);
    line_look(reply);
    json_decref(reply);
    free(text);
    return 0;
}
