/* SPDX-License-Identifier: MIT
 * run_files: see run_files.h. */
#include "pipeline/run/run_files.h"

#include "pipeline/live/address.h"

#include <stdio.h>
#include <unistd.h>

static const char *const run_file_name[RT_RUN_FILES] = {
#define RT_RUN_FILE(id, name, what) [RT_RUN_##id] = name,
#include "pipeline/run/run_files.def"
#undef RT_RUN_FILE
};

const char *rt_run_file_name(enum rt_run_file file)
{
    return run_file_name[file];
}

char *rt_run_file_path(const char *folder, enum rt_run_file file, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", folder, run_file_name[file]);
    return out;
}

bool rt_run_file_exists(const char *folder, enum rt_run_file file)
{
    char path[RT_RUN_PATH];
    return access(rt_run_file_path(folder, file, path, sizeof path), F_OK) == 0;
}
