/* SPDX-License-Identifier: MIT
 * samples_pane: see samples_pane.h. */
#include "tui/screen/screens/samples_pane.h"

#include "formats/file.h"
#include "tui/report/explain.h"
#include "tui/screen/widgets/picture.h"
#include "tui/screen/widgets/waveform.h"

#include <stdlib.h>
#include <string.h>

#define BESIDE 72 /* columns from which words and looks stand side by side */
#define BELOW 16  /* lines from which they stand one over the other */

/* In the words of `inspect --sample`. Returns the lines of r that are left. */
static int pane_draw_words(const struct rt_view *view, struct rt_canvas *c, struct rt_rect r, int row)
{
    struct rt_weight_settings settings;
    char *text = NULL, *save = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return r.h;
    rt_view_weights(view, false, &settings);
    rt_explain_row(&view->model->samples, row, view->model->recipe ? &settings : NULL, f);
    if (rt_memstream_close(f, &text) < 0)
        return r.h;
    bool first = true;
    for (char *line = strtok_r(text, "\n", &save); line && r.h > 0; line = strtok_r(NULL, "\n", &save)) {
        rt_layout_top(&r, rt_canvas_wrap(c, r, first ? RT_STYLE_TITLE : RT_STYLE_PLAIN, line));
        first = false;
    }
    free(text);
    return r.h;
}

static void pane_draw_speech(const struct rt_view *view, struct rt_canvas *c, struct rt_rect r,
                             const struct rt_sample_part *p)
{
    struct rt_rect title = rt_layout_top(&r, 1);
    struct rt_rect wave = rt_layout_top(&r, r.h >= 6 ? r.h / 3 : r.h >= 4 ? 2 : r.h);
    rt_canvas_print(c, title.x, title.y, title.w, RT_STYLE_DIM, "speech, %.2f s; 0 to 8 kHz", p->seconds);
    rt_waveform_draw(c, wave, p->low, p->high, p->columns);
    rt_picture_draw(c, r, p->rgb, p->w, p->h, true, view->colours);
}

static void pane_draw_part(const struct rt_view *view, struct rt_canvas *c, struct rt_rect r, int modality,
                           const struct rt_sample_part *p)
{
    if (*p->error)
        rt_canvas_wrap(c, r, RT_STYLE_BAD, p->error);
    else if (modality == RT_SPEECH)
        pane_draw_speech(view, c, r, p);
    else if (modality == RT_IMAGE)
        rt_picture_draw(c, r, p->rgb, p->w, p->h, false, view->colours);
    else
        rt_canvas_wrap(c, r, RT_STYLE_PLAIN, p->text);
}

/* The modalities that the sample has, one under the other; a text takes the lines it needs. */
static void pane_draw_looks(struct rt_sample_preview *preview, const struct rt_view *view, struct rt_canvas *c,
                            struct rt_rect r, int row)
{
    const struct rt_table *t = &view->model->samples;
    const struct rt_sample_part *p = rt_sample_preview_of(preview, view->model->manifest, row,
                                                    rt_table_cell(t, row, rt_table_find(t, "id")));
    int there = 0;
    if (!p) {
        rt_canvas_text(c, r.x, r.y, r.w, RT_STYLE_DIM, "reading the files ...");
        return;
    }
    for (int m = 0; m < RT_MODALITIES; m++)
        there += p[m].there;
    for (int m = RT_MODALITIES - 1; m >= 0 && r.h > 0; m--) { /* the text last, but first of all */
        struct rt_canvas none = {.ascii = c->ascii};
        if (!p[m].there)
            continue;
        int fraction = r.h / there--;
        if (p[m].text || *p[m].error) {
            int lines = rt_canvas_wrap(&none, (struct rt_rect){0, 0, r.w, 100}, RT_STYLE_PLAIN,
                                       p[m].text ? p[m].text : p[m].error);
            fraction = lines < fraction || !there ? lines : fraction;
        }
        pane_draw_part(view, c, rt_layout_bottom(&r, fraction), m, &p[m]);
        rt_layout_bottom(&r, r.h > 4);
    }
}

void rt_samples_pane_draw(struct rt_sample_preview *preview, const struct rt_view *view, struct rt_canvas *c,
                          struct rt_rect r, int row)
{
    struct rt_rect looks = {0, 0, 0, 0};
    bool known = *view->model->manifest, beside = known && r.w >= BESIDE, below = known && !beside && r.h >= BELOW;
    if (row < 0)
        return;
    if (beside) {
        looks = rt_layout_right(&r, r.w / 2);
        looks = rt_layout_right(&looks, looks.w - 2);
    } else if (below) {
        looks = rt_layout_bottom(&r, r.h * 2 / 5);
    }
    int left = pane_draw_words(view, c, r, row);
    if (below) { /* and what the words leave, but for a line between */
        looks.y -= left - 1;
        looks.h += left - 1;
    }
    if (looks.h > 0 && looks.w > 0)
        pane_draw_looks(preview, view, c, looks, row);
}
