/* SPDX-License-Identifier: MIT
 * blas: matrix products; the only place that knows OpenBLAS. Each call runs on the calling thread
 * alone (our own loops over pieces use the cores), so equal arguments give equal bytes. */
#ifndef RT_BLAS_H
#define RT_BLAS_H

#include <stdint.h>

/* One thread per call. Called by rt_parallel_create and rt_exec_create; again is harmless. */
void rt_blas_init(void);
/* The kernel set OpenBLAS chose: "Haswell", "SkylakeX", ... */
const char *rt_blas_core(void);
/* First thing in main: when the processor has AVX-512 but OpenBLAS does not recognise it (0.3.21 on
 * Zen 4 and 5 runs its AVX2 kernels, half as fast), starts the program again with
 * OPENBLAS_CORETYPE set, which it reads only while being loaded. Otherwise, when the user has set
 * that variable, or when starting again fails, returns and nothing has changed. */
void rt_blas_restart(char **argv);
/* Measured speed of one thread on a product of n x n matrices, in GFLOP/s; takes some 10 ms. */
double rt_blas_gflops(int n);

/* Row-major C[m,n] = A[m,k] B[k,n] + beta C; ta: A is stored [k,m]; tb: B is stored [n,k].
 * lda, ldb, ldc: distance between stored rows. beta 0 does not read C. */
void rt_gemm(int ta, int tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
             const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

#endif
