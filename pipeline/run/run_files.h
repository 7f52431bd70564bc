/* SPDX-License-Identifier: MIT
 * run_files: what everything in a run's folder is called (run_files.def; checkpoints of a step are checkpoints.h's). */
#ifndef RT_RUN_FILES_H
#define RT_RUN_FILES_H

#include <stdbool.h>
#include <stddef.h>

enum rt_run_file {
#define RT_RUN_FILE(id, name, what) RT_RUN_##id,
#include "pipeline/run/run_files.def"
#undef RT_RUN_FILE
    RT_RUN_FILES
};

#define RT_RUN_PATH 4200 /* bytes that hold the path of anything in a run folder */

/* Its path below the folder. */
const char *rt_run_file_name(enum rt_run_file file);
/* "FOLDER/name" into out; returns out. */
char *rt_run_file_path(const char *folder, enum rt_run_file file, char *out, size_t size);
bool rt_run_file_exists(const char *folder, enum rt_run_file file);

#endif
