/* SPDX-License-Identifier: MIT
 * manifest_without: a run's manifest without some of its samples, for the next run. One thread. */
#ifndef RT_MANIFEST_WITHOUT_H
#define RT_MANIFEST_WITHOUT_H

#include "formats/error.h"

#include <stdint.h>

/* Writes the rows of the manifest whose out [rows] is 0 to a new file, paths of samples such that they lead to the same
 * files from there. The number of rows written; RT_EUSAGE: the file is there already, none would be left, or the
 * manifest has not as many rows any more. RT_EIO and what the manifest fails with. */
int rt_manifest_without(const char *manifest, const uint8_t *out, int rows, const char *file, struct rt_error *e);

#endif
