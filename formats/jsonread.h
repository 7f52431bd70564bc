/* SPDX-License-Identifier: MIT
 * jsonread: JSON from outside -> jansson's values, and these as text, where memory may run out. Any thread. */
#ifndef RT_JSONREAD_H
#define RT_JSONREAD_H

#include "formats/error.h"

#include <jansson.h>

/* As json_loadb: *out is the caller's to decref; flags are its. 0; RT_EFORMAT, and *wrong (may be NULL) says what and
 * where; RT_EMEM. *out is NULL then. */
int rt_json_read(json_t **out, const char *text, size_t size, size_t flags, json_error_t *wrong);

/* As json_dumps, which leaves pieces out where it has no memory for them: the text, the caller's to free with free(),
 * or NULL. */
char *rt_json_write(const json_t *value, size_t flags);

#endif
