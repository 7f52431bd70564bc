/* SPDX-License-Identifier: MIT
 * fuzz_rundb: any bytes as a run's data base, as `attach` and `ls` read it, marks included: refused with a message, or
 * read to its end in a bounded number of looks. */
#include "pipeline/run/run_marks.h"
#include "tests/fuzz/fuzz_file.h"
#include "tui/report/runs_table.h"
#include "tui/report/snapshot.h"

#define LOOKS 50
#define ROWS 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rt_snapshot m;
    struct rt_error e = {0};
    fuzz_remove("run.db-wal");
    fuzz_remove("run.db-shm");
    fuzz_remove("run.db-journal");
    fuzz_write("run.db", data, size);
    if (rt_snapshot_open(&m, fuzz_folder, &e) < 0)
        assert(e.text[0]);
    else
        for (int i = 0; i < LOOKS && rt_snapshot_poll(&m, true, &e) > 0; i++)
            continue;
    rt_snapshot_fini(&m);
    uint8_t mark[ROWS];
    if (rt_run_marks_load(fuzz_folder, mark, ROWS, &e) == 0)
        for (int i = 0; i < ROWS; i++)
            assert(mark[i] <= RT_MARK_ALL);
    return 0;
}
