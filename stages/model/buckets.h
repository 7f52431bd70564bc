/* SPDX-License-Identifier: MIT
 * buckets: samples of different lengths in the order in which a network takes them: those of one length beside one
 * another, so that what is made for a length serves all of them, and short ones by several at once, which fetches its
 * weights once for all. Any thread. */
#ifndef RT_BUCKETS_H
#define RT_BUCKETS_H

#include "formats/error.h"

#define RT_BUCKET 8 /* the most samples at once */

/* Runs `sample[0..count)` of those given, all of `length`. What it fails with ends the walk. */
typedef int (*rt_bucket_run)(void *self, int length, const int *sample, int count, struct rt_error *e);

/* length[count]: of each sample; unit: how much of it is one place of the network's (samples of a wave in a moment).
 * Each sample comes once; a count is 1 or as many as that length allows, so that there are few different ones.
 * RT_EMEM, and what run fails with. */
int rt_buckets_walk(int count, const int *length, int unit, rt_bucket_run run, void *self, struct rt_error *e);

#endif
