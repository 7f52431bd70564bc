/* SPDX-License-Identifier: MIT
 * steer: the client of a run's socket: sends requests over a link and remembers what each was for,
 * keeps what the run said last of itself, and tells events to one function. Knows no screen and puts
 * nothing into words. When no run listens, nothing can be asked. One thread; told only from within
 * rt_steer_poll. */
#ifndef RT_STEER_H
#define RT_STEER_H

#include "formats/recipe.h"
#include "pipeline/live/link.h"

#define RT_STEER_WAITING 64

enum rt_steer_kind {
    RT_STEER_CAME,     /* a run listens now */
    RT_STEER_GONE,     /* it does not any more; requests without an answer are forgotten */
    RT_STEER_STEP,     /* it has gone on */
    RT_STEER_CHANGED,  /* it paused or goes on, whoever asked for that */
    RT_STEER_ANSWERED, /* it has done what was asked */
    RT_STEER_REFUSED,  /* it has not, or could not even be asked */
};

/* Valid while it is told. */
struct rt_steer_event {
    enum rt_steer_kind kind;
    const char *verb; /* ANSWERED, REFUSED: of the request; "" = of none that is known */
    bool quiet;       /* nobody typed it: a look that is taken again and again */
    const struct rt_link_line *line; /* ANSWERED: what the run said */
    const char *why;  /* REFUSED: in words for people */
};
typedef void (*rt_steer_told)(void *self, const struct rt_steer_event *event);

/* Read by all; changed by the functions below alone. Zeroed is one that never asks. */
struct rt_steer {
    struct rt_link *link; /* NULL: nobody is to be asked */
    bool paused, stopping;
    bool known;           /* the values below are the run's */
    int64_t step, steps;  /* as the run said last; 0 = not yet */
    int epoch, epochs;
    double pace;          /* steps per second of late, 0 = not known */
    const struct rt_key *trying; /* NULL = nothing is being tried */
    char tried[RT_RECIPE_TEXT];
    int waiting;          /* requests without an answer */
    /* private to steer.c */
    struct rt_steer_wait {
        int64_t id;
        char verb[24];
        bool quiet;
    } wait[RT_STEER_WAITING];
    double now;           /* at the last poll, seconds */
    double tried_at;      /* when what is tried changed last */
    int64_t paced;        /* step and time at which the pace was looked at last */
    double paced_at;
    double asked;         /* when the values were asked for */
    char (*value)[RT_RECIPE_TEXT]; /* [rt_key_count], "" = not a control */
    rt_steer_told told;
    void *self;
};

/* Talks to the run of this folder, whenever one listens there. RT_EMEM. */
int rt_steer_open(struct rt_steer *s, const char *folder);
void rt_steer_close(struct rt_steer *s);
/* Hears what the run says, asks for its values now and then, and tells what happened. now: seconds of a
 * clock that only rises. */
void rt_steer_poll(struct rt_steer *s, double now, rt_steer_told told, void *self);
bool rt_steer_up(const struct rt_steer *s); /* a run listens */

/* Any verb of docs/protocol.md; the answer is an event. quiet: as the event is to have it. 0, or
 * RT_EMISSING: no run listens; RT_EUSAGE: an argument is not UTF-8; RT_ELARGE: it has not answered
 * earlier ones. */
int rt_steer_ask(struct rt_steer *s, const char *verb, const char *const *arg, int args, bool quiet);
int rt_steer_set(struct rt_steer *s, const struct rt_key *key, const char *value); /* likewise */
/* Words for what rt_steer_ask returned, not 0. */
const char *rt_steer_why(int rc, const char *verb, char out[100]);

/* A value while a slider moves: known at once, set when the hand has rested for half a second, or when
 * another is tried: one movement is one change. Each returns as rt_steer_ask; settle sets it now, 1
 * when there was none. */
int rt_steer_try(struct rt_steer *s, const struct rt_key *key, const char *value);
int rt_steer_settle(struct rt_steer *s);
bool rt_steer_drop(struct rt_steer *s); /* forgets it; false: there was none */

/* What is being tried for a control, else what the run says; NULL = not known. */
const char *rt_steer_value(const struct rt_steer *s, const struct rt_key *key);

#endif
