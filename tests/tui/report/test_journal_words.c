/* SPDX-License-Identifier: MIT
 * Tests of the journal in words: settings and what was taken back, samples by verb and id, rows of a file from
 * anywhere. */
#include "pipeline/run/rundb.h"
#include "tests/tui/report/example.h"
#include "tui/report/journal_words.h"

#include <string.h>

static struct rt_error error;

static const struct {
    const char *key, *before, *after, *words, *asked;
} rows[] = {
    {"distill.l2.margin", "0.5", "0.4", "distill.l2.margin  0.5 -> 0.4", ""}, /* the example's own */
    {"distill.l2.margin", "0.4", "0.5", "distill.l2.margin  back to 0.5, from 0.4", ""},
    {"weight.terms", "", "snr", "weight.terms  (none) -> snr", ""},
    {"samples", "1@0-2", "0@0-2 # mute where snr < 10", "muted 3 samples: sample-000, sample-001, sample-002",
     "mute where snr < 10"},
    {"samples", "0@0-2", "1@0-2 # undo: mute where snr < 10",
     "undone: restored 3 samples: sample-000, sample-001, sample-002", "undo: mute where snr < 10"},
    {"samples", "", "0.5@4,6-11 x1@20", "weight 0.5: 7 samples: sample-004, sample-006, sample-007, sample-008, "
     "sample-009, ...; excluded 1 sample: sample-020", ""},
    {"samples", "", "x1@99", "excluded 1 sample: row 99", ""},
    {"samples", "", "0@5-99999999999999999999,3", "muted 0 samples: ", ""},
    {"samples", "", "what is this", "samples  (none) -> what is this", ""},
};

static void test_words(void **state)
{
    struct rt_snapshot m;
    char out[400];
    (void)state;
    struct rt_rundb *db = example_db();
    for (size_t i = 1; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(rt_rundb_journal(db, 130 + (int)i, "ada", rows[i].key, rows[i].before, rows[i].after, &error),
                         0);
    assert_int_equal(rt_rundb_commit(db, &error), 0);
    rt_rundb_close(db);
    example_open(&m);
    assert_int_equal(m.journal_count, sizeof rows / sizeof *rows);
    for (int i = 0; i < m.journal_count; i++) {
        assert_string_equal(rt_journal_words(&m, i, out, sizeof out), rows[i].words);
        assert_string_equal(rt_journal_asked(&m.journal[i]), rows[i].asked);
        for (size_t size = 1; size < 40; size++) /* cut, wherever */
            assert_true(strlen(rt_journal_words(&m, i, out, size)) < size);
    }
    rt_snapshot_fini(&m);
}

int main(void)
{
    scratch_make(&example_dir);
    example_write();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};
    return scratch_end(&example_dir, cmocka_run_group_tests(tests, NULL, NULL));
}
