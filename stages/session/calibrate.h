/* SPDX-License-Identifier: MIT
 * calibrate: a model in 8 bits whose ranges are those that its values have on samples. Each value that is rounded gets
 * the range from its least to its most on the samples, but for the hundredth of them that go furthest on either side,
 * which are clipped; 0 lies inside. Main thread. */
#ifndef RT_CALIBRATE_H
#define RT_CALIBRATE_H

#include "stages/model/model.h"

#define RT_CALIBRATE_SAMPLES 1000 /* at most, evenly spread over the manifest */

/* *out: m in 8 bits (rt_model_quantise), calibrated on the manifest's split train, or on all its rows where there is no
 * such split; whole: recordings of any length, not crops of the middle. *used: samples that could be read. RT_ENODATA:
 * none, or nothing to round; and what rt_model_probe, rt_predict and a manifest give. The caller fini's *out. */
int rt_calibrate(struct rt_model *out, const struct rt_model *m, const char *manifest, bool whole, int *used,
                 struct rt_error *e);

#endif
