/* SPDX-License-Identifier: MIT
 * dynload: a library that is loaded by the first file that needs it, and not by every start of the program. libav and
 * libheif bring a hundred others, which took three quarters of what a start takes. One list of functions makes the
 * struct through which they are called and the names that are looked up:
 *
 *   #define FUNCTIONS(F) F(heif_context_alloc) F(heif_context_free)
 *   static struct { FUNCTIONS(RT_DYNLOAD_FIELD) } lib;
 *   static struct rt_dynload heif = RT_DYNLOAD("libheif.so.1", FUNCTIONS, lib);
 *   ...
 *   RT_TRY(rt_dynload(&heif, name, e));
 *   context = lib.heif_context_alloc();
 *
 * The soname is that of the headers which the program was built with, so both agree about every struct. */
#ifndef RT_DYNLOAD_H
#define RT_DYNLOAD_H

#include "formats/error.h"

struct rt_dynload {
    const char *soname;
    const char *names; /* each with its NUL, an empty one at the end */
    void *functions;   /* as many pointers, in the same order */
    int loaded;
};

#define RT_DYNLOAD_FIELD(function) __typeof__(function) *function;
#define RT_DYNLOAD_NAME(function) #function "\0"
#define RT_DYNLOAD(soname, LIST, functions) {soname, LIST(RT_DYNLOAD_NAME), &functions, 0}

/* Once loaded it stays. RT_EMISSING: "name: is read by SONAME, ..." and the linker's reason. Any thread. */
int rt_dynload(struct rt_dynload *l, const char *name, struct rt_error *e);

#endif
