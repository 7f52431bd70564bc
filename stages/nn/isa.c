/* SPDX-License-Identifier: MIT
 * isa: see isa.h; which instruction sets there are, and what the processor must have for each. */
#include "stages/nn/isa.h"

#include <stdio.h>
#include <string.h>

extern const struct rt_isa rt_isa_baseline;
#ifdef __x86_64__
extern const struct rt_isa rt_isa_avx2, rt_isa_avx512;
#endif

/* ---- what there is ----
 * Chosen when the program starts, so that one package runs everywhere and uses what a machine has.
 * AVX-512 wants the parts that the compiler is allowed to use for it, no more. */

int rt_isa_all(const struct rt_isa *all[RT_ISA_SETS])
{
    int count = 0;
#ifdef __x86_64__
    __builtin_cpu_init();
    bool fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
        all[count++] = &rt_isa_avx512;
    if (fma)
        all[count++] = &rt_isa_avx2;
#endif
    all[count++] = &rt_isa_baseline;
    return count;
}

/* ---- what is used ----
 * A program-wide choice, set before anything is computed: results differ in the last digits between
 * sets, so one run has one. Asking for an older set gives the bytes of a machine that has no
 * better. */

static const struct rt_isa *asked;

const struct rt_isa *rt_isa(void)
{
    const struct rt_isa *all[RT_ISA_SETS];
    if (asked)
        return asked;
    rt_isa_all(all);
    return all[0];
}

int rt_isa_ask(const char *name, struct rt_error *e)
{
    const struct rt_isa *all[RT_ISA_SETS];
    char names[64] = "";
    int count = rt_isa_all(all);
    for (int i = 0; i < count; i++) {
        if (strcmp(all[i]->name, name) == 0) {
            asked = all[i];
            return 0;
        }
        size_t at = strlen(names);
        snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", all[i]->name);
    }
    return rt_error_set(e, RT_EUSAGE, "\"%s\" is no instruction set of this processor; it has %s", name, names);
}
