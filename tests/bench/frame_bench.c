/* SPDX-License-Identifier: MIT
 * Packs and unpacks float frames of a sample's and of a batch's size at level 1 and prints MB/s of
 * tensor bytes. Exit code 1 when packing is under 250 or unpacking under 500 MB/s, which is what
 * one sees when the byte shuffle is no longer vector code. Run: meson test --benchmark frame_bench
 */
#include "formats/frame.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#define BYTES_EACH (64 << 20) /* worked through per size */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A slow wave with noise in the lower bits: packs about as well as log-mel features. */
static void fill(float *x, int64_t n)
{
    unsigned s = 1;
    for (int64_t i = 0; i < n; i++) {
        s = s * 1664525 + 1013904223;
        x[i] = 3 * sinf((float)i * 0.01f) + (float)(s >> 22) * 1e-3f;
    }
}

static int measure(int64_t n)
{
    struct rt_tensor t, back;
    struct rt_frame *f = NULL;
    int rounds = (int)(BYTES_EACH / (n * 4)), rc = rt_tensor_init(&t, RT_F32, 1, &n);
    if (rc)
        return 1;
    fill(t.data, n);
    double start = now();
    for (int i = 0; i < rounds && !rc; i++) {
        rt_frame_unref(f);
        rc = rt_frame_pack(&f, "speech", &t, 1);
    }
    double packed = now();
    for (int i = 0; i < rounds && !rc; i++) {
        rc = rt_frame_unpack(f, &back, NULL);
        if (!rc)
            rt_tensor_fini(&back);
    }
    double unpacked = now(), megabytes = rounds * (double)n * 4e-6;
    double pack = megabytes / (packed - start), unpack = megabytes / (unpacked - packed);
    if (!rc)
        printf("%5lld KiB: ratio %.2f, pack %.0f MB/s, unpack %.0f MB/s\n", (long long)n / 256,
               (double)rt_frame_raw_bytes(f) / (double)rt_frame_packed_bytes(f), pack, unpack);
    rt_frame_unref(f);
    rt_tensor_fini(&t);
    return rc || pack < 250 || unpack < 500;
}

int main(void)
{
    int missed = 0;
    for (int64_t n = 64 * 144; n <= 32 * 64 * 144; n *= 32)
        missed |= measure(n);
    return missed;
}
