/* SPDX-License-Identifier: MIT
 * fuzz_trials: any bytes as a list of verification pairs: refused with a line, or pairs of rows that there are. */
#include "formats/trials.h"
#include "tests/fuzz/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char table[] = "id\tspeech\none\ta/1.wav\ntwo\ta/2.wav\nthree\tb c/3.wav\n";
    static struct rt_manifest *m;
    struct rt_trials t = {0};
    struct rt_error e = {0};
    char path[160];
    if (!m && rt_manifest_parse(&m, table, sizeof table - 1, "table", &e) < 0)
        abort();
    fuzz_write("list", data, size);
    fuzz_path(path, "list");
    if (rt_trials_load(&t, path, m, "speech", &e) < 0)
        assert(e.code < 0 && e.text[0]);
    for (size_t i = 0; i < t.count; i++)
        assert(t.trial[i].enrol >= 0 && t.trial[i].enrol < 3 && t.trial[i].test >= 0 && t.trial[i].test < 3 &&
               t.trial[i].same <= 1);
    rt_trials_fini(&t);
    return 0;
}
