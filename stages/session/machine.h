/* SPDX-License-Identifier: MIT
 * machine: what a run computes on, in a line of words, and what about it is slower than it need be. */
#ifndef RT_MACHINE_H
#define RT_MACHINE_H

#include <stddef.h>

struct rt_machine {
    double gflops;     /* of one thread's matrix product, measured */
    char line[256];    /* "AMD EPYC, avx512; OpenBLAS 0.3.21 Cooperlake, 104 GFLOP/s a thread; 2 threads" */
    char warning[256]; /* "" when there is nothing to say */
};

/* Measures for some 20 ms. threads: those that will be used. 0, or RT_EMEM: name or speed are not known. */
int rt_machine_look(struct rt_machine *m, int threads);
/* For rt_machine_look and tests: the warning for a BLAS core type and an instruction set of ours on a
 * processor that has AVX2 or has not; "" for none. */
void rt_machine_warn(char *warning, size_t size, const char *blas_core, const char *isa, int has_avx2);

#endif
