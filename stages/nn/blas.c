/* SPDX-License-Identifier: MIT
 * blas: see blas.h. Not here: which loop is shared by threads (op_*.c through parallel.h). */
#include "stages/nn/blas.h"

#include "formats/error.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* ---- one thread a call ----
 * OpenBLAS's own threads would compete with ours, and a product split among them sums in an order
 * that depends on their number. So each call is one thread's, and our loops are what is shared. */

void rt_blas_init(void)
{
    if (openblas_get_num_threads() != 1)
        openblas_set_num_threads(1);
}

/* OpenBLAS reads this as it is loaded, and no later. */
bool rt_blas_ask_alone(void)
{
    static const char name[] = "OPENBLAS_NUM_THREADS";
    const char *threads = getenv(name);
    if ((threads && strcmp(threads, "1") == 0) || openblas_get_num_threads() == 1)
        return false;
    return setenv(name, "1", 1) == 0;
}

/* ---- its buffers ----
 * OpenBLAS maps a buffer when more threads are in products than ever before, and tries again without end when the
 * process has reached its limit of addresses. It has no call that says so, so a buffer's worth is mapped and given
 * back before a thread's first product. */

int rt_blas_try(void)
{
    size_t size = (size_t)(RT_BLAS_BUFFER_MIB + 1) << 20;
    void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED)
        return RT_EMEM;
    munmap(place, size);
    return 0;
}

static void blas_enter(void)
{
    static _Thread_local bool entered;
    if (entered)
        return;
    entered = true;
    if (rt_blas_try() == 0)
        return;
    fprintf(stderr, "retort: no room for the buffer of a matrix product, %d MiB of addresses for each thread "
                    "(ulimit -v): raise the limit, or use fewer threads\n", RT_BLAS_BUFFER_MIB);
    _exit(1); /* threads are under way, and nothing here can give an error back */
}

/* ---- what it is ----
 * Speed and the last digits depend on which kernels OpenBLAS picked, so runs and benches print
 * them. On a machine it does not know it takes generic ones; the measured speed shows it. */

const char *rt_blas_core(void)
{
    return openblas_get_corename();
}

/* OpenBLAS has no call for it; its build options begin with it: "OpenBLAS 0.3.21 DYNAMIC_ARCH ...".
 */
const char *rt_blas_version(void)
{
    /* "OpenBLAS 0.3.21 DYNAMIC_ARCH ..." */
    static char version[24];
    if (sscanf(openblas_get_config(), "OpenBLAS %23s", version) != 1)
        return "of unknown version";
    return version;
}

static double blas_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* The best of five: the first one brings memory and clock up, and other programs only ever make it
 * slower. Zeros are as quick as any numbers. */
double rt_blas_gflops(int n)
{
    size_t count = (size_t)n * (size_t)n;
    float *m = calloc(3 * count, sizeof *m);
    if (!m)
        return 0;
    double best = 0;
    for (int i = 0; i < 5; i++) {
        double start = blas_now_ns();
        rt_gemm(0, 0, n, n, n, m, n, m + count, n, 0, m + 2 * count, n);
        double speed = 2.0 * n * n * n / (blas_now_ns() - start + 1);
        best = speed > best ? speed : best;
    }
    free(m);
    return best;
}

/* The sizes of one layer fit OpenBLAS's 32-bit integers: a sample has at most 2^29 numbers
 * (window.c). */
void rt_gemm(int ta, int tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
             const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    blas_enter();
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans,
                (blasint)m, (blasint)n, (blasint)k, 1, a, (blasint)lda, b, (blasint)ldb, beta, c,
                (blasint)ldc);
}
