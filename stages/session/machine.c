/* SPDX-License-Identifier: MIT
 * machine: see machine.h. */
#include "stages/session/machine.h"

#include "formats/error.h"
#include "stages/nn/blas.h"
#include "stages/nn/isa.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

/* OpenBLAS's kernels for processors older than AVX2, and those for none in particular. */
static const char *const slow_cores[] = {
    "Generic", "Prescott", "Core2", "Penryn", "Dunnington", "Atom", "Nehalem", "Sandybridge", "Opteron",
    "Opteron_SSE3", "Barcelona", "Bobcat", "Bulldozer", "Nano", "ARMV8", "armv8",
};

static int has_avx2(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("avx2") != 0;
#else
    return 0;
#endif
}

void rt_machine_warn(char *warning, size_t size, const char *blas_core, const char *isa, int avx2)
{
    *warning = '\0';
    for (size_t i = 0; i < sizeof slow_cores / sizeof *slow_cores; i++) {
        int generic = !strcmp(blas_core, "Generic") || !strcmp(blas_core, "Prescott");
        if (!strcmp(blas_core, slow_cores[i]) && (avx2 || generic))
            snprintf(warning, size, "OpenBLAS runs its %s kernels, which use little of this processor; see "
                     "OPENBLAS_CORETYPE", blas_core);
    }
    if (!*warning && avx2 && !strcmp(isa, "baseline"))
        snprintf(warning, size, "convolutions run without AVX2 and FMA though the processor has AVX2");
}

/* "AMD EPYC 9R14 96-Core Processor" without what every name has. */
static int cpu_name(char *name, size_t size)
{
    static const char *const common[] = {"(R)", "(TM)", " CPU", " Processor"};
    uv_cpu_info_t *info;
    int n;
    snprintf(name, size, "unknown processor");
    int rc = uv_cpu_info(&info, &n);
    if (rc == 0) {
        if (n > 0 && info[0].model)
            snprintf(name, size, "%s", info[0].model);
        uv_free_cpu_info(info, n);
    }
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
        char *at = strstr(name, common[i]);
        if (at)
            memmove(at, at + strlen(common[i]), strlen(at + strlen(common[i])) + 1);
    }
    char *clock = strstr(name, " @ ");
    if (clock)
        *clock = '\0';
    return rc == UV_ENOMEM ? RT_EMEM : 0;
}

int rt_machine_look(struct rt_machine *m, int threads)
{
    char cpu[96];
    int rc = cpu_name(cpu, sizeof cpu);
    rt_blas_init();
    m->gflops = rt_blas_gflops(448);
    snprintf(m->line, sizeof m->line, "%.80s, %s; OpenBLAS %.16s %.24s, %.0f GFLOP/s a thread; %d thread%s",
             cpu, rt_isa()->name, rt_blas_version(), rt_blas_core(), m->gflops, threads,
             threads == 1 ? "" : "s");
    rt_machine_warn(m->warning, sizeof m->warning, rt_blas_core(), rt_isa()->name, has_avx2());
    return m->gflops > 0 ? rc : RT_EMEM;
}
