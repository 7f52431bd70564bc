/* SPDX-License-Identifier: MIT
 * fuzz_recipe: any bytes as a recipe, and as a -s override; what is accepted prints and reads back
 * to the same struct, what is refused says why. */
#include "formats/recipe.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rt_recipe r, again;

static void round_trip(void)
{
    struct rt_error e;
    char *text = rt_recipe_text(&r);
    assert(text);
    int code = rt_recipe_parse(&again, text, strlen(text), "printed", "/elsewhere", &e);
    assert(code == 0 && !memcmp(&r, &again, sizeof r));
    (void)code;
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_error e = {0};
    if (rt_recipe_parse(&r, (const char *)data, size, "fuzzed", "/folder", &e) == 0)
        round_trip();
    else
        assert(e.code < 0 && !strncmp(e.text, "fuzzed:", 7));
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    rt_recipe_init(&r);
    if (rt_recipe_set(&r, text, &e) == 0)
        round_trip();
    free(text);
    return 0;
}
