/* SPDX-License-Identifier: MIT
 * sample_inputs: inputs for an ONNX file of any program, made of nothing but the file and a few wishes: for commands
 * that show or time it. Main thread. */
#ifndef RT_SAMPLE_INPUTS_H
#define RT_SAMPLE_INPUTS_H

#include "formats/onnx.h"
#include "tui/cli/options.h"

#define RT_SAMPLE_WISHES 32

struct rt_sample_wish {
    const char *size[RT_SAMPLE_WISHES];  /* "sequence=64" of an axis, "input=1,3,224,224" of an input */
    const char *value[RT_SAMPLE_WISHES]; /* "sr=8000" */
    int sizes, values;
};

struct rt_sample {
    int inputs;
    struct rt_tensor *input; /* [inputs] with their elements */
    struct rt_tensor *shape; /* [inputs] for struct rt_frozen_options: data only of those that are settings */
    const void **data;       /* [inputs] for rt_frozen_run */
};

/* batch: samples, on the axis that comes first or is called so, where the file leaves it open; RT_EMISMATCH where it
 * does not. 0: one, or as wished. RT_EUSAGE: a wish for what the file has not;
 * RT_EMISMATCH, RT_ELARGE, RT_EMEM. fini after it, too. */
int rt_sample_make(struct rt_sample *s, const struct rt_onnx *o, const char *path, const struct rt_sample_wish *wish,
                   int batch, struct rt_error *e);
void rt_sample_fini(struct rt_sample *s);

/* Rows of options; member: a struct rt_sample_wish of the request. */
rt_option_take rt_take_sample_size, rt_take_sample_value;
#define RT_OPTIONS_SAMPLE(type, member)                                                                               \
    {0, "size", "NAME=N", "the size of an axis that the file leaves open, by the axis' name, or all of an input's "   \
     "(input=1,3,160,160)", RT_OPTION_OWN(type, member, rt_take_sample_size),                                         \
     .otherwise = "pictures of 224, 200 frames, 16000 samples, 16 words"},                                            \
    {0, "value", "NAME=NUMBER", "what an input is filled with (sr=8000)",                                             \
     RT_OPTION_OWN(type, member, rt_take_sample_value),                                                               \
     .otherwise = "seeded normal numbers; whole numbers are 1, and a rate 16000"}

#endif
