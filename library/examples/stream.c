/* SPDX-License-Identifier: MIT
 * stream: what is heard, while it is heard: blocks of 20 ms from standard input into a ring buffer of the last seconds,
 * and a label of what is in it every half second. Samples are signed 16 bits, one channel:
 *     arecord -q -f S16_LE -r 16000 -t raw | ./stream MODEL [RATE [SECONDS]]
 * Each line: time, label, probability, and how many milliseconds the answer took, from the block that was due to it. At
 * the end, on standard error, the median and the 99th percentile of these, and the longest. */
#include <retort.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LATENCIES 100000

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int double_by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The last `room` samples, each written twice, `room` apart: the newest then always lie in one piece. */
struct ring {
    float *sample; /* [2 * room] */
    size_t room, at, filled;
};

static void ring_add(struct ring *r, float sample)
{
    r->sample[r->at] = r->sample[r->at + r->room] = sample;
    r->at = (r->at + 1) % r->room;
    r->filled += r->filled < r->room;
}

static const float *ring_newest(const struct ring *r)
{
    return r->filled < r->room ? r->sample : r->sample + r->at;
}

static int listen(struct retort *model, int rate, struct ring *ring, int16_t *block, size_t frames, double *latency)
{
    int answers = 0;
    struct retort_error e;
    for (int64_t blocks = 1; fread(block, sizeof *block, frames, stdin) == frames; blocks++) {
        double heard = now_ms();
        for (size_t i = 0; i < frames; i++)
            ring_add(ring, (float)block[i] / 32768);
        if (blocks % 25)
            continue;
        struct retort_answer a = {0};
        int rc = retort_pcm(model, ring_newest(ring), ring->filled, 1, rate, &a, &e);
        if (rc < 0 && rc != RETORT_ESILENT) {
            fprintf(stderr, "%s\n", e.text);
            return -1;
        }
        double took = now_ms() - heard;
        const char *label = rc == RETORT_ESILENT ? "(silence)" : retort_label(model, a.label);
        printf("%.2f s\t%s\t%.3f\t%.2f ms\n", (double)blocks * 0.02, label ? label : "-", a.probability, took);
        fflush(stdout);
        if (answers < LATENCIES)
            latency[answers++] = took;
    }
    return answers;
}

int main(int argc, char **argv)
{
    struct retort *model;
    struct retort_error e;
    int rate = argc > 2 ? atoi(argv[2]) : 16000;
    double seconds = argc > 3 ? atof(argv[3]) : 2;
    if (argc < 2 || rate < 8000 || rate > 192000 || !(seconds >= 0.5 && seconds <= 60)) {
        fprintf(stderr, "usage: %s MODEL [RATE [SECONDS]] <samples\n", argv[0]);
        return 2;
    }
    if (retort_open(&model, argv[1], NULL, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    size_t frames = (size_t)rate / 50;
    struct ring ring = {.room = (size_t)(seconds * rate)};
    ring.sample = calloc(2 * ring.room, sizeof *ring.sample);
    int16_t *block = malloc(frames * sizeof *block);
    double *latency = malloc(LATENCIES * sizeof *latency);
    int n = ring.sample && block && latency ? listen(model, rate, &ring, block, frames, latency) : -1;
    if (n > 0) {
        qsort(latency, (size_t)n, sizeof *latency, double_by_size);
        fprintf(stderr, "%d answers: median %.2f ms, 99th percentile %.2f ms, longest %.2f ms\n", n, latency[n / 2],
                latency[(int)((double)n * 0.99)], latency[n - 1]);
    }
    free(ring.sample);
    free(block);
    free(latency);
    retort_close(model);
    return n < 0;
}
