/* SPDX-License-Identifier: MIT
 * quality_table: the samples of a scored manifest as a table: its own columns, every measure and its percentile,
 * `quality`, which sample before it has the same content (`same_as`), and why one cannot be used. The table of a run is
 * pipeline/run/run_table.h. */
#ifndef RT_QUALITY_TABLE_H
#define RT_QUALITY_TABLE_H

#include "pipeline/data/table.h"
#include "stages/session/session.h"

/* After rt_session_score. measures: comma-separated, those whose percentiles multiplied are `quality`; NULL: the first
 * of each modality. The caller fini's *t, also after a failure. RT_EUSAGE: one that is not measured; RT_EMEM. */
int rt_quality_table(struct rt_table *t, const struct rt_session *s, const char *measures, struct rt_error *e);

#endif
