/* SPDX-License-Identifier: MIT
 * example: what the tests of reports and screens share: a small run folder made through rundb. */
#ifndef RT_TEST_EXAMPLE_H
#define RT_TEST_EXAMPLE_H

#include "tests/support/support.h"
#include "tui/report/snapshot.h"

#define STEPS 400
#define EPOCHS 4
#define ROWS 60

struct rt_rundb;

extern struct scratch example_dir; /* of the run; made and removed by the test's main */

/* A run of ROWS samples and 300 of STEPS steps, and parts of it. */
void example_write(void);
struct rt_rundb *example_db(void); /* opened to write */
void example_steps(struct rt_rundb *db, int from, int to);
/* A manifest of its samples beside it, which run.db names from then on: rows 0 to 4 have files, good
 * and bad ones (row 4's example_long), the others a text. */
void example_write_manifest(void);
const char *example_long(void); /* path of a recording that the caller writes */

/* The run as it is shown, all samples read; and what came since. */
void example_open(struct rt_snapshot *m);
void example_read(struct rt_snapshot *m);

#endif
