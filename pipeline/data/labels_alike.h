/* SPDX-License-Identifier: MIT
 * labels_alike: labels that people take for one and that are classes of their own: "cat", "cat ", "Cat", or the same
 * letters in two forms of Unicode. They are not put together, which would be a guess; they are named. */
#ifndef RT_LABELS_ALIKE_H
#define RT_LABELS_ALIKE_H

#include <stddef.h>

/* label[count], each once (NULL and "" are passed over), rows[i] = how many rows have it. text: what people read of it,
 * "\"cat\" (4 rows), \"cat \" (1 row), \"Cat\" (1 row); ..." as far as it fits, "" when none are alike; what cannot be
 * seen is written as U+XXXX. Returns how many groups there are, or RT_EMEM. Any thread. */
int rt_labels_alike(const char *const *label, const int *rows, int count, char *text, size_t size);

struct rt_dataset;
/* The same of a data set's labels. */
int rt_dataset_labels_alike(const struct rt_dataset *d, char *text, size_t size);

#endif
