/* SPDX-License-Identifier: MIT
 * init_recipes: see init_recipes.h. */
#include "tui/cli/init_recipes.h"
#include "formats/choice.h"
#include "formats/file.h"
#include "formats/plain.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Small recipes: what depends on the data, what people change first, and a word beside each. All else has its default.
 * The figures are those of recipes/emoji and recipes/stamps, whose data are of the same sizes; few samples get smaller
 * batches and more epochs, so that there are updates enough to learn anything. */

#define UPDATES 600 /* at least */

struct lengths {
    int batch, epochs;
};

static struct lengths lengths_of(int samples)
{
    int batch = samples >= 512 ? 32 : samples >= 64 ? 16 : 8;
    int per_epoch = samples < batch ? 1 : samples / batch;
    int epochs = (UPDATES + per_epoch - 1) / per_epoch;
    return (struct lengths){batch, epochs < 30 ? 30 : epochs > 200 ? 200 : epochs};
}

/* Most of the recordings whole, within what is quickly learned. */
static int frames_of(double seconds)
{
    int frames = seconds > 0 ? (int)(seconds * 100) / 16 * 16 : 144;
    return frames < 48 ? 48 : frames > 304 ? 304 : frames;
}

static void input_print(FILE *f, const struct rt_init_found *found, int modality)
{
    int side = found->pixels > 0 && found->pixels < 64 ? 32 : 64;
    if (modality == RT_SPEECH)
        rt_plain_print(f, "speech:\n  bands: 64         # mel bands: 40, 64 or 80\n"
                   "  frames: %-9d # of 10 ms: longer recordings are cropped, shorter ones padded\n"
                   "augment:            # of training samples only\n  time_masks: 1     # SpecAugment: time and bands "
                   "left out\n  band_masks: 1\n", frames_of(found->seconds));
    else if (modality == RT_IMAGE)
        rt_plain_print(f, "image:\n  size: %-11d # pictures are resized to this width and height\n"
                   "augment:            # of training samples only\n  shift: 0.1\n  scale: 0.15\n  colour: 0.1\n"
                   "  flip: false       # true where a mirrored picture is of the same class\n", side);
    else
        rt_plain_print(f, "augment:\n  words: 30%%        # words left out at random, of training samples only\n");
}

static void network_print(FILE *f, const struct rt_init_found *found, int modality)
{
    struct lengths l = lengths_of(found->train[modality]);
    rt_plain_print(f, "student:\n  modality: %s\n"
               "  net: auto         # by modality and number of samples; the run says which\n"
               "  embedding: %-6d # size of what `retort embed` gives\n  dropout: 0.3\n",
            rt_modality_names[modality], found->train[modality] < 512 ? 64 : 128);
    if (modality == RT_TEXT)
        rt_plain_print(f, "  width: 128\n");
    rt_plain_print(f, "train:\n  epochs: %-9d # passes over %d training samples\n"
               "  batch: %-10d # samples of an update\n"
               "  lr: %s\n  decay: %s\n", l.epochs, found->train[modality], l.batch,
            modality == RT_TEXT ? "0.005" : "0.002", modality == RT_TEXT ? "0.05" : "0.01");
}

static void teacher_print(FILE *f, const struct rt_init_found *found, int student, int teacher)
{
    rt_plain_print(f, "# The teacher: reads %s, which the %s student does without once it is trained. "
               "An ordinary run:\n"
               "#   retort run teacher.yaml -o teacher\n# What is not here has its default: docs/settings.md, or "
               "--print-recipe.\ndata:\n  manifest: manifest.tsv\n",
            rt_modality_names[teacher], rt_modality_names[student]);
    input_print(f, found, teacher);
    network_print(f, found, teacher);
}

static void student_print(FILE *f, const struct rt_init_found *found, int student, int teacher)
{
    rt_plain_print(f, "# The student: reads %s alone. It is what you keep.\n#   retort run student.yaml -o student\n"
               "# What is not here has its default: docs/settings.md, or --print-recipe.\ndata:\n"
               "  manifest: manifest.tsv\n", rt_modality_names[student]);
    input_print(f, found, student);
    network_print(f, found, student);
    if (teacher < 0) {
        rt_plain_print(f, "# There is no second kind of data here, and so no teacher: "
                   "it learns from labels alone.\n"
                   "# A network of another program, or embeddings that it gave, can teach (docs/teachers.md):\n"
                   "# teacher: {model: teacher.onnx}   # or embeddings.npy, with the rows' ids in embeddings.txt\n"
                   "# distill: {nce: {lambda: 0.3}}\n");
        return;
    }
    rt_plain_print(f, "teacher:\n  model: teacher    # the run folder of teacher.yaml, a model file, or an ONNX file\n"
               "  on: true          # false: labels alone, to compare (-s teacher.on=false)\n"
               "distill:            # lambda 0 = off; what each does: docs/method.md\n"
               "  kl: {lambda: 1}         # class: the teacher's posteriors\n"
               "  head_kl: {lambda: 0.5}  # class: the same through the teacher's own head\n"
               "  # l2: {lambda: 10, quantile: 20%%}  # feature: close to the teacher's, soft\n"
               "  # nce: {lambda: 0.3}    # batch: told apart from the others as the teacher tells it\n"
               "# weight:           # samples count by their quality: retort inspect --measures\n#   terms: [%s]\n",
            student == RT_SPEECH ? "snr, clipped" : student == RT_IMAGE ? "sharpness, contrast" : "teacher_confidence");
}

static int recipe_write(const char *folder, const char *name, const struct rt_init_found *found, int student,
                        int teacher, void (*print)(FILE *, const struct rt_init_found *, int, int), struct rt_error *e)
{
    char path[PATH_MAX], *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (f)
        print(f, found, student, teacher);
    if (rt_memstream_close(f, &text) < 0)
        return rt_error_set(e, RT_EMEM, "%s: out of memory", path);
    int rc = rt_file_write(path, &(struct rt_span){text, size}, 1, e);
    free(text);
    return rc;
}

int rt_init_recipes(const char *folder, const struct rt_init_found *f, int student, int teacher, struct rt_error *e)
{
    if (teacher >= 0)
        RT_TRY(recipe_write(folder, "teacher.yaml", f, student, teacher, teacher_print, e));
    return recipe_write(folder, "student.yaml", f, student, teacher, student_print, e);
}
