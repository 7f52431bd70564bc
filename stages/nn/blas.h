/* SPDX-License-Identifier: MIT
 * blas: matrix products; the only place that knows OpenBLAS. Each call runs on the calling thread
 * alone (our own loops over pieces use the cores), so equal arguments give equal bytes. */
#ifndef RT_BLAS_H
#define RT_BLAS_H

#include <stdbool.h>
#include <stdint.h>

/* One thread per call. Called by rt_parallel_create and rt_exec_create; again is harmless. */
void rt_blas_init(void);
/* For a program's first line: the environment that a program needs which loads OpenBLAS without threads of its own,
 * which only cost: 136 MiB of addresses each, and where those are not to be had they wait for them for ever. False: it
 * was loaded so; true: set now, for a program that is started again. */
bool rt_blas_ask_alone(void);
/* Each thread in a product has a buffer of so many addresses (few of them are used), which OpenBLAS waits for, for
 * ever, where the process has no room. Is there room for one more? 0 or RT_EMEM. A thread that finds none at its first
 * product ends the process with words and exit code 1. */
#define RT_BLAS_BUFFER_MIB 128
int rt_blas_try(void);
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
