/* SPDX-License-Identifier: MIT
 * export_presets: writes every model of tests/stages/export_models.h as FOLDER/NAME.onnx, for
 * export_check, which runs them in ONNX Runtime. Measures nothing itself. */
#include "stages/model/model_onnx.h"
#include "tests/stages/export_models.h"

#include <stdio.h>

static int write_model(const char *folder, const struct export_model *from)
{
    char path[4096];
    struct rt_model m;
    struct rt_onnx *o;
    struct rt_error e = {0};
    snprintf(path, sizeof path, "%s/%s.onnx", folder, from->name);
    export_make(&m, from);
    int rc = rt_model_to_onnx(&o, &m, &e);
    if (!rc)
        rc = rt_onnx_write(o, path, &e);
    if (rc)
        fprintf(stderr, "%s: %s\n", path, e.text);
    rt_onnx_destroy(o);
    rt_model_fini(&m);
    return rc;
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < EXPORT_MODELS; i++)
        failed |= write_model(argv[1], &export_models[i]) != 0;
    return failed;
}
