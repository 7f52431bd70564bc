/* SPDX-License-Identifier: MIT
 * guess_columns: which column of a user's table plays which part, from its name and from what is in it. Main
 * thread. */
#ifndef RT_GUESS_COLUMNS_H
#define RT_GUESS_COLUMNS_H

#include "tui/manifest/sources.h"

struct rt_made_guess {
    char column[RT_ROLES][128]; /* "" = no column plays this part */
    bool by_name[RT_ROLES];     /* it has the part's own name */
    /* Columns that may be the label, where none is called so: more than one is a question for the user. */
    char label_choice[8][128];
    int label_choices;
};

/* o: source, root and search as rt_made_csv takes them; a role that is given there is kept. Nothing but the table and
 * the names of files is read. RT_EUSAGE with the option to give, RT_E... with file, line and value. */
int rt_made_guess(const struct rt_made_options *o, struct rt_made_guess *g, struct rt_error *e);

#endif
