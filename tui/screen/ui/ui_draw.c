/* SPDX-License-Identifier: MIT
 * ui_draw: the list of screens, and everything that is shown at one time; see ui.h. */
#include "tui/screen/ui/ui.h"

#include "tui/screen/ui/bars.h"

#define RT_SCREEN(id, name, title, key, shown, hint, help) extern const struct rt_screen rt_screen_##name;
#include "tui/screen/screens.def"
#undef RT_SCREEN

const struct rt_screen *const rt_screens[RT_SCREENS] = {
#define RT_SCREEN(id, name, title, key, shown, hint, help) &rt_screen_##name,
#include "tui/screen/screens.def"
#undef RT_SCREEN
};

void rt_ui_draw_bars(struct rt_ui *ui, struct rt_canvas *c)
{
    struct rt_page page = rt_layout_page(c->w, c->h);
    c->ascii = ui->view.ascii;
    c->clip = (struct rt_rect){0, 0, c->w, c->h};
    rt_canvas_fill(c, page.header, RT_STYLE_PLAIN);
    rt_canvas_fill(c, page.footer, RT_STYLE_PLAIN);
    rt_bars_header(ui, c, page.header);
    rt_bars_footer(ui, c, page.footer);
}

void rt_ui_draw(struct rt_ui *ui, struct rt_canvas *c)
{
    struct rt_view *view = &ui->view;
    struct rt_rect all = {0, 0, c->w, c->h};
    struct rt_page page = rt_layout_page(c->w, c->h);
    c->clip = all;
    c->pictures = 0;
    c->pixels = view->pixels && !view->dialog.open && !view->prompt.kind; /* nothing can stand before a picture */
    rt_canvas_fill(c, all, RT_STYLE_PLAIN);
    rt_ui_draw_bars(ui, c);
    ui->body = page.body;
    c->clip = page.body;
    rt_screens[view->screen]->draw(ui->self[view->screen], view, c, page.body);
    c->clip = all;
    rt_bars_choices(ui, c, (struct rt_rect){0, page.footer.y - 1, c->w, page.footer.h});
    if (view->dialog.open)
        rt_dialog_draw(&view->dialog, c, page.body);
    c->clip = all;
}
