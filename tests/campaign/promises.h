/* SPDX-License-Identifier: MIT
 * promises: included before every source that tests/campaign/analyse looks at: what functions of other files promise in
 * words, said so that an analyser, which sees one file, knows it. Not part of the program. */
#ifndef RT_PROMISES_H
#define RT_PROMISES_H

#include "formats/error.h"

/* What they return is an error: `rc = p ? 0 : rt_error_set(...)` leaves no path on which rc is 0 and p is NULL. */
#define rt_error_set(e, code, ...) (rt_error_set(e, code, __VA_ARGS__), (code))
#define rt_error_errno(e, what, path) (rt_error_errno(e, what, path), RT_EIO)

#endif
