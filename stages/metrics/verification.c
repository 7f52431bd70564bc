/* SPDX-License-Identifier: MIT
 * verification: the two figures of a run's trials: equal error rate and smallest detection cost (det.h has all). */
#include "stages/metrics/metrics.h"

#include <math.h>

#include "formats/error.h"
#include "stages/metrics/det.h"

int rt_verification(struct rt_verification *v, const double *score, const uint8_t *same, size_t n,
                    double p_target)
{
    struct rt_det d;

    *v = (struct rt_verification){NAN, NAN, NAN};
    if (!(p_target > 0 && p_target < 1))
        return RT_ERANGE;
    RT_TRY(rt_det_init(&d, score, same, n));
    v->eer = rt_det_eer(&d, &v->eer_threshold);
    v->min_dcf = rt_det_min_cost(&d, p_target);
    rt_det_fini(&d);
    return 0;
}
