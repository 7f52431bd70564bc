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
/* "0.3.21" */
const char *rt_blas_version(void);
/* Measured speed of one thread on a product of n x n matrices, in GFLOP/s; takes some 10 ms. */
double rt_blas_gflops(int n);

/* Row-major C[m,n] = A[m,k] B[k,n] + beta C; ta: A is stored [k,m]; tb: B is stored [n,k].
 * lda, ldb, ldc: distance between stored rows. beta 0 does not read C. */
void rt_gemm(int ta, int tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
             const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

#endif
