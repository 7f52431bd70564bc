/* SPDX-License-Identifier: MIT
 * screen: the contract of a screen, and what all screens share.
 *
 *   draw   puts the whole screen into r and nowhere else (the canvas is clipped to it), from the model's
 *          snapshot and the screen's own view state; r may be of any size, 1x1 too. It may settle view
 *          state that follows from the size (scrolling), nothing else.
 *   act    is asked for what a key of keys.def means there. Returns what it did (enum rt_did); what
 *          it does not know it leaves (RT_DID_NOTHING), and the ui may know it.
 *   mouse  a press, drag or release (event.key) at a cell of the body last drawn; may be NULL. Drags and
 *          the release go where the press went, also outside of the body.
 *   verb   a `:` command that is this screen's own, and "filter" with what was typed after `/`; may be
 *          NULL. RT_DID_NOTHING when it is not; a refused one says why in ui->message.
 *   filter what stands there already when `/` is pressed; NULL = nothing can be filtered here. */
#ifndef RT_SCREEN_H
#define RT_SCREEN_H

#include "tui/screen/base/canvas.h"
#include "tui/screen/compare.h"
#include "tui/screen/widgets/dialog.h"
#include "tui/screen/keys.h"
#include "tui/screen/screens/pipeline_batch.h"
#include "tui/screen/screens/samples_marks.h"
#include "tui/report/sample_preview.h"
#include "tui/screen/widgets/prompt.h"
#include "tui/report/snapshot.h"
#include "tui/screen/steer.h"
#include "tui/report/weight_preview.h"

enum rt_did { RT_DID_NOTHING = 0, RT_DID_HANDLE = 1, RT_DID_DRAW = 2, RT_DID_REDRAW = 4, RT_DID_QUIT = 8,
              RT_DID_BARS = 16 /* only header and footer changed */ };

struct rt_ui;
struct rt_screen {
    const char *name, *title;
    bool samples; /* shows the model's samples: only then are they read */
    void (*draw)(struct rt_ui *ui, struct rt_canvas *c, struct rt_rect r);
    unsigned (*act)(struct rt_ui *ui, enum rt_act act);
    unsigned (*mouse)(struct rt_ui *ui, struct rt_event event);
    unsigned (*verb)(struct rt_ui *ui, const char *verb, const char *argument);
    const char *(*filter)(const struct rt_ui *ui);
};
extern const struct rt_screen *const rt_screens[RT_SCREENS];

enum {
#define RT_VERB(name, argument, help) RT_VERB_##name,
#include "tui/screen/verbs.def"
#undef RT_VERB
    RT_VERBS
};
struct rt_verb {
    const char *name, *argument, *help;
};
extern const struct rt_verb rt_verbs[RT_VERBS];

#define RT_CHARTS 64

/* View state of each screen. */
struct rt_losses_view {
    bool log, large;
    int smooth;                    /* place in the list of smoothings */
    int64_t from, to;              /* steps shown; to 0 = all */
    int64_t cursor;                /* step, -1 = off */
    int focus, first, shown, across, count; /* charts */
    struct rt_rect cell[RT_CHARTS]; /* of the charts last drawn */
};
struct rt_samples_view {
    char sort[72], where[400]; /* as given to rt_table_sort and rt_table_where; "" = none */
    bool chosen, detail;       /* columns were asked for; the sample is explained */
    unsigned version;          /* of the samples that are arranged */
    int at, first;             /* places in the order: cursor, first line */
    int under, left;           /* places in column: cursor, first one shown */
    int columns, column[RT_TABLE_COLUMNS], width[RT_TABLE_COLUMNS];
    struct rt_rect table, head; /* as last drawn */
    struct rt_marks marks;
};
struct rt_weights_view {
    bool trying;                     /* other settings than the run's */
    struct rt_weight_settings tried; /* meaningful while trying */
    struct rt_weight_preview now, then;    /* under the run's settings, and under those shown */
    unsigned version;                /* of the samples that they hold */
    int at, first, count;            /* places in the list: gamma, floor, measures */
    struct rt_rect list, plot;       /* as last drawn */
    int slider, room;                /* first column and length of the sliders */
    int held;                        /* what the mouse holds: enum in weighting.c */
};
struct rt_controls_view {
    char where[64];       /* part of the names shown, "" = all */
    int at, first, count; /* places among the controls shown */
    struct rt_rect list;  /* of the rows last drawn */
    int slider, room;     /* first column and length of the sliders, room 0 = none */
    bool sliding;         /* the press before was on one */
};
struct rt_journal_view {
    char where[64];         /* part of what the rows say, "" = all */
    int at, first, count;   /* places among the rows shown */
    bool left_end;          /* the cursor does not follow the newest row */
    struct rt_rect list;    /* as last drawn */
};
struct rt_pipeline_view {
    int at, first, lines, count; /* stages: cursor, first shown, shown, in all */
    struct rt_rect list;         /* of the stages last drawn */
    int tall;                    /* lines of each */
    bool open;                   /* the last batch of the stage under the cursor is shown */
    double asked;                /* when it was asked for last; 0 = not yet */
    int frame, frames;           /* first frame shown, frames there is room for */
    struct rt_last_batch last;
};
struct rt_list_view {
    int first, lines, count; /* of the lines last drawn */
};

struct rt_ui {
    struct rt_snapshot *model;
    struct rt_steer steer;
    struct rt_compare compare;
    bool ascii;
    int colours; /* of the terminal, 0 = none: for pictures */
    bool pixels; /* it shows pictures as such */
    struct rt_sample_preview preview;
    enum rt_screen_id screen, before; /* before: where Esc leads from help */
    struct rt_rect tab[RT_SCREENS];   /* of the header last drawn */
    struct rt_rect hint[RT_ACTS];     /* of the footer last drawn, by act */
    struct rt_rect choice[RT_CHOICES]; /* of the completions last drawn */
    struct rt_rect body;
    double now;        /* seconds, at the last tick */
    bool dragging;     /* the press before went to the screen */
    char message[400]; /* in the footer until the next key */
    bool failed;       /* message is of something that went wrong */
    struct rt_dialog dialog;
    struct rt_prompt prompt;
    /* What is done with the line of a prompt '=', which a screen opened. */
    unsigned (*typed)(struct rt_ui *ui, const char *line);
    struct rt_losses_view losses;
    struct rt_samples_view samples;
    struct rt_weights_view weights;
    struct rt_controls_view controls;
    struct rt_journal_view journal;
    struct rt_pipeline_view pipeline;
    struct rt_list_view help;
};

/* Leads to the stage whose last batch ui->pipeline.last is. */
void rt_screen_show_batch(struct rt_ui *ui);
/* message of the footer; failed: it is of something that went wrong. */
void rt_ui_say(struct rt_ui *ui, bool failed, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Leads to a screen. */
unsigned rt_ui_go(struct rt_ui *ui, enum rt_screen_id screen);
/* Asks for a value in the footer, after `label`; typed is told the line. */
void rt_ui_ask(struct rt_ui *ui, const char *label, const char *line,
               unsigned (*typed)(struct rt_ui *ui, const char *line));
/* Moves the first line of a list by what UP, DOWN, PAGE..., HOME, END mean; RT_DID_NOTHING for others. */
unsigned rt_list_act(struct rt_list_view *v, enum rt_act act);
/* Moves *at, a place among count of which `lines` are seen, likewise. */
unsigned rt_list_move(int *at, int count, int lines, enum rt_act act);
/* A number in a few characters: 1234567 -> "1.23M", 0.00012 -> "1.2e-04"; "-" for NaN. */
const char *rt_ui_number(double value, char out[24]);

#endif
