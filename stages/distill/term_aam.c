/* SPDX-License-Identifier: MIT
 * term aam: additive angular margin softmax (ArcFace, arXiv 1801.07698) on cosines c:
 *     u_y = s cos(theta_y + m),  u_j = s c_j,  theta = acos c;  D = cross-entropy of u on the label
 * Guard: cos(theta + m) falls only up to theta + m = pi; beyond it u_y = s (c_y - m sin m), which
 * keeps falling. The step between the two, 1 - cos m - m sin m, is about -m^2 / 2 (-0.02 at m =
 * 0.2). */
#include "stages/distill/softmax.h"
#include "stages/distill/term.h"

#include <math.h>
#include <stddef.h>

/* cos(theta + m) has an infinite slope in c at c = +-1; sin theta is held above this in the slope.
 */
#define SINE_MIN 1e-3

static struct rt_softmax_ce aam_row(const struct rt_term_in *in, int i)
{
    const float *x = in->logits + (size_t)i * in->classes;
    int y = in->label[i];
    double m = in->aam_margin, s = in->aam_scale;
    double c = x[y] > 1 ? 1 : x[y] < -1 ? -1 : x[y]; /* rounding may pass 1; NaN stays */
    double sine = sqrt(1 - c * c), target, slope;

    if (c < -cos(m)) {
        target = c - m * sin(m);
        slope = 1;
    } else {
        target = c * cos(m) - sine * sin(m);
        slope = cos(m) + c * sin(m) / (sine < SINE_MIN ? SINE_MIN : sine);
    }
    return (struct rt_softmax_ce){.x = x,
                                  .n = in->classes,
                                  .y = y,
                                  .scale = s,
                                  .target = s * target,
                                  .slope = s * slope,
                                  .smoothing = in->smoothing};
}

static void aam_value(const struct rt_term_in *in, const uint8_t *use, double *value)
{
    rt_softmax_ce_values(aam_row, in, use, value);
}

static void aam_grad(const struct rt_term_in *in, const uint8_t *use, const double *scale,
                     const struct rt_term_out *out)
{
    (void)use;
    rt_softmax_ce_grads(aam_row, in, scale, out->logits);
}

const struct rt_term_ops rt_term_aam = {.value = aam_value, .grad = aam_grad};
