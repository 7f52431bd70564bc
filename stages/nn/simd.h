/* SPDX-License-Identifier: MIT
 * simd: one macro for hot loops over the innermost dimension. The compiler makes a version of such
 * a function per instruction set and the loader picks one; none of them reorders or contracts
 * arithmetic, so all give the same bytes. Left out under sanitizers, whose runtime starts later
 * than the loader's choice, and on compilers without it. */
#ifndef RT_SIMD_H
#define RT_SIMD_H

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) &&       \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define RT_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define RT_SIMD
#endif

#endif
