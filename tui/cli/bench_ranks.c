/* SPDX-License-Identifier: MIT
 * bench_ranks: see bench_ranks.h. Part and exchange are timed one after the other, as a run has them: the exchange
 * begins when the last gradient is there. All ranks time at once, since that is how they share memory and network. */
#include "tui/cli/bench_ranks.h"

#include "formats/plain.h"

#include <stdlib.h>
#include <uv.h>

#define EXCHANGES 20

/* A tenth of the steps stay below: of the slowest rank, which the others wait for. */
static int ranks_time_step(struct rt_ranks *r, const char *name, const struct rt_preset_config *net,
                           const struct rt_bench_config *c, double *ms, int64_t *weights, struct rt_error *e)
{
    struct rt_bench_side side = {0};
    void *all;
    size_t total;
    int steps, rc = rt_bench_run(&side, name, net, c, &steps, e);
    *ms = side.ms;
    *weights = rc == 0 ? side.work->weights : 0;
    rt_bench_fini(&side, 1);
    if (rc < 0)
        return rc;
    RT_TRY(rt_ranks_gather(r, ms, sizeof *ms, &all, &total, e));
    for (size_t i = 0; i < total / sizeof *ms; i++)
        *ms = ((double *)all)[i] > *ms ? ((double *)all)[i] : *ms;
    free(all);
    return 0;
}

static int ranks_time_exchange(struct rt_ranks *r, int64_t count, double *ms, struct rt_error *e)
{
    float *gradient = calloc((size_t)count + 1, sizeof *gradient);
    double least = 1e30;
    int rc = 0;
    if (!gradient)
        return rt_error_set(e, RT_EMEM, "no memory for gradients");
    for (int i = 0; rc == 0 && i < EXCHANGES; i++) {
        uint64_t began = uv_hrtime();
        rc = rt_ranks_add(r, gradient, (size_t)count, e);
        double took = (double)(uv_hrtime() - began) * 1e-6;
        least = took < least ? took : least;
    }
    free(gradient);
    *ms = least;
    return rc;
}

int rt_bench_ranks(struct rt_ranks *r, const char *name, const struct rt_preset_config *net,
                   const struct rt_bench_config *c, bool json, struct rt_error *e)
{
    int size = rt_ranks_size(r);
    struct rt_bench_config one = *c;
    double alone, part, exchange = 0;
    int64_t weights;
    one.sides = 1;
    if (c->batch / size < 2)
        return rt_error_set(e, RT_EUSAGE, "a batch of %d is less than two samples for each of %d ranks", c->batch,
                            size);
    RT_TRY(ranks_time_step(r, name, net, &one, &alone, &weights, e));
    one.batch = c->batch / size;
    RT_TRY(ranks_time_step(r, name, net, &one, &part, &weights, e));
    RT_TRY(ranks_time_exchange(r, weights, &exchange, e));
    double gain = alone / (part + exchange), megabytes = 8e-6 * (double)weights * (size - 1) / size;
    if (rt_ranks_rank(r) != 0)
        return 0;
    if (json)
        rt_plain_print(stdout, "{\"net\": \"%s\", \"ranks\": %d, \"batch\": %d, \"alone_ms\": %.3f, \"part_ms\": %.3f, "
                       "\"exchange_ms\": %.3f, \"sent_megabytes\": %.3f, \"gain\": %.3f, \"efficiency\": %.3f}\n",
                       name, size, c->batch, alone, part, exchange, megabytes, gain, gain / size);
    else
        rt_plain_print(stdout, "%-12s batch %d: alone %.1f ms; %d ranks %.1f ms each + %.1f ms to exchange %.2f MB: "
                       "%.2f times as fast, efficiency %.0f %%%s\n", name, c->batch, alone, size, part, exchange,
                       megabytes, gain, 100 * gain / size, gain < 1 ? ": only slower" : "");
    return 0;
}
