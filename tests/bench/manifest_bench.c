/* SPDX-License-Identifier: MIT
 * Writes a manifest of 1,000,000 rows to a temporary folder, loads it, and prints seconds and peak
 * memory. Exit code 1 when over the bar: 1 s, 200 MB. Run: meson test --benchmark manifest_bench */
#include "formats/manifest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define ROWS 1000000

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int write_rows(const char *path)
{
    static const char *const splits[] = {"train", "valid", "test"};
    FILE *f = fopen(path, "w");
    if (!f)
        return -1;
    fprintf(f, "id\tsplit\tlabel\tgroup\tspeech\timage\ttext\tlang\n");
    for (int i = 0; i < ROWS; i++)
        fprintf(f, "s%07d\t%s\tclass%d\tg%d\twav/%d/%07d.wav\t\tein Satz, \xC3\xBC%d\tde\n", i,
                splits[i / 10 % 3], i % 1000, i / 10, i % 1000, i, i);
    return fclose(f);
}

int main(void)
{
    char folder[] = "/tmp/rt_bench_XXXXXX", path[64];
    struct rt_manifest *m = NULL;
    struct rt_error e = {0};
    struct rusage use;
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/m.tsv", folder);
    int code = write_rows(path);
    double start = now();
    if (!code)
        code = rt_manifest_load(&m, path, &e);
    double seconds = now() - start;
    getrusage(RUSAGE_SELF, &use);
    double megabytes = (double)use.ru_maxrss * 1024 / 1e6;
    if (code)
        fprintf(stderr, "%s: failed: %s\n", path, e.text);
    else
        printf("%d rows: %.2f s, peak %.0f MB\n", rt_manifest_rows(m), seconds, megabytes);
    rt_manifest_destroy(m);
    unlink(path);
    rmdir(folder);
    return code || seconds > 1 || megabytes > 200;
}
