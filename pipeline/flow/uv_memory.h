/* SPDX-License-Identifier: MIT
 * uv_memory: memory for libuv itself, which ends a program that has none. */
#ifndef RT_UV_MEMORY_H
#define RT_UV_MEMORY_H

/* Keeps some memory back for libuv. Once a process, before anything else of libuv; any thread may use libuv then. */
void rt_uv_memory(void);

#endif
