/* SPDX-License-Identifier: MIT
 * views: see views.h. A whole recording shorter than those of training is padded as they were: the network has never
 * met a bare one, and its output is then the same whichever way it was asked for. */
#include "stages/modality/views.h"

int rt_views_count(const struct rt_views *v)
{
    return v->whole ? 1 : v->crops > 1 ? v->crops : v->flips ? 2 : 1;
}

struct rt_front rt_views_front(const struct rt_views *v, int k, const struct rt_front *f, int64_t frames)
{
    struct rt_front view = *f;
    int64_t most = f->speech.features == RT_FEATURES_WAVE ? RT_WHOLE_SAMPLES : RT_WHOLE_FRAMES;
    if (v->whole && frames > f->speech.frames)
        view.speech.frames = (int)(frames < most ? frames : most);
    if (!v->whole && v->crops > 1) {
        view.speech.crop = k;
        view.speech.crops = v->crops;
    }
    view.image.mirrored = v->flips && k == 1;
    return view;
}
