/* SPDX-License-Identifier: MIT
 * export_file: see export_file.h. */
#include "tui/cli/export_file.h"

#include "formats/path.h"

#include <string.h>

/* Matrices and kernels, which are nearly all of a model; biases and statistics stay as they are. */
static int export_halve(struct rt_safetensors *s, const char *output, struct rt_error *e)
{
    const char *name;
    const struct rt_tensor *t;
    for (int i = 0; (t = rt_safetensors_at(s, i, &name)); i++) {
        int rc = strncmp(name, "model.", 6) == 0 && t->rank > 1 ? rt_safetensors_halve(s, name) : 0;
        if (rc == RT_ERANGE)
            return rt_error_set(e, rc, "%s: a number of %s is beyond half precision (65504): write it without --half",
                                output, name);
        if (rc < 0)
            return rt_error_set(e, rc, "%s: %s", output, rt_err_words(rc));
    }
    return 0;
}

static int export_safetensors(const struct rt_model *m, const char *output, bool half, struct rt_error *e)
{
    struct rt_safetensors *s = NULL;
    int rc = rt_safetensors_create(&s);
    if (rc == 0)
        rc = rt_model_save(m, s);
    if (rc == 0 && half && (rc = export_halve(s, output, e)) < 0)
        goto out;
    if (rc == 0)
        rc = rt_safetensors_seal(s);
    if (rc == 0)
        rc = rt_safetensors_write(s, output, e);
    else
        rt_error_set(e, rc, "%s: %s", output, rt_err_words(rc));
out:
    rt_safetensors_destroy(s);
    return rc;
}

static int export_onnx(struct rt_model *m, const char *output, enum rt_onnx_weights weights, struct rt_error *e)
{
    struct rt_onnx *o;
    int rc = rt_model_to_onnx(&o, m, weights, e);
    if (rc == 0)
        rc = rt_onnx_write(o, output, e);
    else if (rc == RT_ERANGE && weights == RT_ONNX_WEIGHTS_HALF)
        rt_error_set(e, rc, "%s: a weight is beyond half precision (65504): write it without --half", output);
    else
        rt_error_prefix(e, "%s", output);
    rt_onnx_destroy(o);
    return rc;
}

int rt_export_check(const char *output, enum rt_onnx_weights weights, struct rt_error *e)
{
    if (!rt_path_ends_in(output, ".safetensors") && !rt_path_ends_in(output, ".onnx"))
        return rt_error_set(e, RT_EUSAGE, "%s: the file's name must end in .safetensors or .onnx", output);
    if (weights == RT_ONNX_WEIGHTS_INT8 && !rt_path_ends_in(output, ".onnx"))
        return rt_error_set(e, RT_EUSAGE, "--int8: %s: only an .onnx file has weights in 8 bits", output);
    return 0;
}

int rt_export_model(struct rt_model *m, const char *output, enum rt_onnx_weights weights, struct rt_error *e)
{
    return rt_path_ends_in(output, ".onnx") ? export_onnx(m, output, weights, e)
                                         : export_safetensors(m, output, weights == RT_ONNX_WEIGHTS_HALF, e);
}
