/* SPDX-License-Identifier: MIT
 * path: names of files as text: made absolute, made relative. Nothing is opened, nothing need
 * exist. */
#ifndef RT_PATH_H
#define RT_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* value, relative to folder (NULL or "" = the current folder), as an absolute path without ".",
 * ".." and doubled slashes. A link before ".." is followed, as the system would. RT_ELARGE, RT_EIO
 * (no current folder). */
int rt_path_absolute(const char *value, const char *folder, char *out, size_t size);

/* "a.onnx" ends in ".onnx"; ".onnx" alone does not. */
bool rt_path_ends_in(const char *path, const char *ending);

/* The way from the absolute folder to the absolute path, with ".." where needed. RT_ELARGE. */
int rt_path_relative(const char *path, const char *folder, char *out, size_t size);

#endif
