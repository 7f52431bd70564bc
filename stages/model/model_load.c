/* SPDX-License-Identifier: MIT
 * model_load: the model at a path: a file of ours (model_file.c), an ONNX file (model_onnx.c), or what is in a run's
 * folder; and what a student starts from. See model.h. */
#include "stages/model/model_parts.h"

#include "formats/onnx.h"
#include "formats/path.h"
#include "formats/recipe_teacher.h"
#include "pipeline/run/checkpoints.h"
#include "pipeline/run/run_files.h"
#include "stages/model/model_onnx.h"
#include "stages/model/onnx_front.h"
#include "stages/model/embedding_table.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define START_FRONT (RT_ONNX_FRONT_WORDS + RT_FRONT_TEXT + 20)

/* ---- found ---- */

static int model_find_file(const char *path, char *out, size_t size, struct rt_error *e)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return rt_error_errno(e, "cannot find model", path);
    if (!S_ISDIR(st.st_mode)) {
        snprintf(out, size, "%s", path);
        return 0;
    }
    static const enum rt_run_file inside[] = {RT_RUN_MODEL, RT_RUN_OLD_MODEL, RT_RUN_BEST};
    for (int i = 0; i < 3; i++)
        if (stat(rt_run_file_path(path, inside[i], out, size), &st) == 0)
            return 0;
    int64_t step;
    int rc = rt_checkpoints_latest(path, out, size, &step);
    if (rc == 0)
        return 0;
    if (rc == RT_EMEM)
        return rt_error_set(e, rc, "%s: out of memory", path);
    return rt_error_set(e, RT_EMISSING, "%s: no %s and no checkpoint in this folder", path,
                        rt_run_file_name(RT_RUN_MODEL));
}

int rt_model_load(struct rt_model *m, const char *path, struct rt_error *e)
{
    char file[4200];
    struct rt_safetensors *s = NULL;
    struct rt_onnx *o = NULL;
    memset(m, 0, sizeof *m);
    RT_TRY(model_find_file(path, file, sizeof file, e));
    if (rt_embedding_table_is_meant(file))
        return rt_error_set(e, RT_EUSAGE, "%s: embeddings are no network: they can only teach, as teacher.model of a "
                            "run", path);
    bool onnx = rt_path_ends_in(file, ".onnx");
    RT_TRY(onnx ? rt_onnx_read(&o, file, e) : rt_safetensors_read(&s, file, e));
    int rc = onnx ? rt_model_from_onnx(m, o, file, e) : rt_model_restore(m, s, file, e);
    rt_onnx_destroy(o);
    rt_safetensors_destroy(s);
    return rc;
}

/* ---- what is found out of a model later ----
 * The file is read and written again as it is, so that a checkpoint keeps what it has besides. */

int rt_model_store_text(const char *path, const char *key, const char *text, char file[RT_MODEL_FILE_NAME],
                        struct rt_error *e)
{
    struct rt_safetensors *s = NULL;
    RT_TRY(model_find_file(path, file, RT_MODEL_FILE_NAME, e));
    if (rt_path_ends_in(file, ".onnx"))
        return rt_error_set(e, RT_EUSAGE, "%s: nothing is stored in an ONNX file: take the run or its .safetensors, "
                            "and export that", file);
    RT_TRY(rt_safetensors_read(&s, file, e));
    int rc = rt_safetensors_set_text(s, key, text);
    if (rc == 0 && rt_safetensors_text(s, RT_SAFETENSORS_DIGEST))
        rc = rt_safetensors_seal(s);
    rc = rc < 0 ? rt_error_set(e, rc, "%s: %s", file, rt_err_words(rc)) : rt_safetensors_write(s, file, e);
    rt_safetensors_destroy(s);
    return rc;
}

int rt_model_calibrate(struct rt_model *m, const char *path, double temperature, struct rt_error *e)
{
    char file[RT_MODEL_FILE_NAME], text[RT_TEMPERATURE_TEXT];
    RT_TRY(rt_model_store_text(path, "retort.temperature", rt_model_temperature_text(temperature, text), file, e));
    m->temperature = temperature;
    return 0;
}

/* ---- what a student starts from ---- */

static int model_start_make(struct rt_model *m, const struct rt_onnx *o, const struct rt_recipe *r,
                            const char *const *class_name, int classes, char about[RT_START_ABOUT],
                            struct rt_error *e)
{
    bool own = rt_front_is_own(r);
    const struct rt_start_settings how = {
        .file = r->student_init, .output = r->student_output,
        .mean = own ? r->student_front_mean : "", .std = own ? r->student_front_std : "",
        .layout = r->student_front_layout, .modality = r->student_modality, .seed = (uint64_t)r->seed,
    };
    if (!rt_model_takes_network(r))
        return rt_error_set(e, RT_EUSAGE, "%s was not written by retort: with student.net: init its network "
                            "becomes the student's", r->student_init);
    if (rt_model_copy_names(m, class_name, classes) < 0)
        return rt_error_set(e, RT_EMEM, "no memory for %d class names", classes);
    struct rt_shape front = rt_model_front_shape(m);
    RT_TRY(rt_start_open(&m->graph, o, &how, &front, classes, rt_model_is_cosine(r), about, e));
    rt_model_find_ends(m);
    return 0;
}

/* What the file's metadata say of its front end becomes the recipe's, so that the run's folder and the model keep it;
 * without any the student has the run's own. words: for people. */
static int start_take_front(struct rt_recipe *r, const struct rt_onnx *o, const char *path, char words[START_FRONT],
                            struct rt_error *e)
{
    struct rt_front_settings s = rt_recipe_student_front(r);
    char by[RT_ONNX_FRONT_WORDS], text[RT_FRONT_TEXT];
    bool told = s.preset != RT_FRONT_AUTO;
    bool known = told ? s.preset != RT_FRONT_BEFORE : rt_onnx_front_modality(o, s.preset) == (int)r->student_modality;
    if (!known) {
        snprintf(words, START_FRONT, "front end as of networks of ours%s",
                 told ? "" : ", as neither the file nor student.front.preset says which");
        return 0;
    }
    RT_TRY(rt_onnx_front(&s, o, path, "student", r->student_modality, by, e));
    s.bands = (int)r->speech_bands;
    s.size = (int)(r->student_modality == RT_SPEECH ? r->speech_frames : r->image_size);
    snprintf(words, START_FRONT, "front end %s: %s", by, rt_front_text(&s, r->student_modality, text));
    if (r->student_modality == RT_IMAGE)
        s.resize = (int)r->student_front_resize; /* in proportion to the size */
    rt_recipe_set_student_front(r, &s);
    return rt_front_check(r, e);
}

static int start_from_foreign(struct rt_model *m, struct rt_recipe *r, const struct rt_onnx *o, const char *path,
                              const char *const *class_name, int classes, char about[RT_START_ABOUT],
                              struct rt_error *e)
{
    char words[START_FRONT];
    RT_TRY(start_take_front(r, o, path, words, e));
    rt_model_prepare(m, r, NULL);
    RT_TRY(model_start_make(m, o, r, class_name, classes, about, e));
    size_t used = strlen(about);
    snprintf(about + used, RT_START_ABOUT - used, "; %s", words);
    return 0;
}

/* A model of ours goes on hearing and seeing as it did. */
static int start_from_own(struct rt_model *m, struct rt_recipe *r, const char *path, struct rt_error *e)
{
    RT_TRY(rt_model_load(m, path, e));
    if (r->student_front_preset != RT_FRONT_AUTO || rt_front_is_own(&m->recipe) ||
        m->recipe.student_modality != r->student_modality)
        return 0;
    struct rt_front_settings s = rt_recipe_student_front(&m->recipe);
    rt_recipe_set_student_front(r, &s);
    return 0;
}

int rt_model_load_start(struct rt_model *m, struct rt_recipe *recipe, const char *path,
                        const char *const *class_name, int classes, char about[RT_START_ABOUT],
                        struct rt_error *e)
{
    struct rt_onnx *o = NULL;
    memset(m, 0, sizeof *m);
    about[0] = '\0';
    if (!rt_path_ends_in(path, ".onnx"))
        return start_from_own(m, recipe, path, e);
    RT_TRY(rt_onnx_read(&o, path, e));
    bool foreign = !rt_onnx_text(o, "retort.recipe");
    int rc = foreign ? start_from_foreign(m, recipe, o, path, class_name, classes, about, e)
                     : start_from_own(m, recipe, path, e);
    rt_onnx_destroy(o);
    if (rc < 0)
        rt_model_fini(m);
    return rc;
}
