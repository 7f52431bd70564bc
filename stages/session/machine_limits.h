/* SPDX-License-Identifier: MIT
 * machine_limits: what a process may have of files, threads and addresses, tried before it is needed: libuv ends the
 * program where it cannot start a thread or make a pipe, and OpenBLAS waits for ever for memory. */
#ifndef RT_MACHINE_LIMITS_H
#define RT_MACHINE_LIMITS_H

#include "formats/error.h"

/* Enough files for any command that asks for little. Any thread. RT_EIO names the limit. */
int rt_machine_try_files(struct rt_error *e);

/* All that a run needs: files, libuv's pool (of UV_THREADPOOL_SIZE = pool threads; it is started), so many threads
 * besides, and a product's buffer. Done once a process; before other threads use libuv. RT_EIO or RT_EMEM name the
 * limit. */
int rt_machine_try(int pool, int threads, struct rt_error *e);

#endif
