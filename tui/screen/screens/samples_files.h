/* SPDX-License-Identifier: MIT
 * samples_files: what is taken along from the Samples screen: a table of samples, and the manifest of the next run.
 * What came of it stands in the message line. */
#ifndef RT_SAMPLES_FILES_H
#define RT_SAMPLES_FILES_H

#include "tui/screen/screens/samples_marks.h"

/* The marked samples, else those shown, in their order and with all columns: JSON where the file is called so, else
 * CSV. */
unsigned rt_samples_export(struct rt_view *view, const struct rt_marks *marks, const char *file);
/* The run's manifest without the samples that were excluded by hand, or left out since. */
unsigned rt_samples_manifest(struct rt_view *view, const struct rt_marks *marks, const char *file);

#endif
