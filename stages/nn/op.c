/* SPDX-License-Identifier: MIT
 * op: the table of all ops, from ops.def. */
#include "stages/nn/op.h"

#include <stddef.h>

static const struct rt_op *const ops[RT_OPS] = {
#define RT_OP(id, name, summary) &rt_op_##id,
#include "stages/nn/ops.def"
#undef RT_OP
};

/* NULL for a number that is none: ids come from files, too. */
const struct rt_op *rt_op_get(enum rt_op_id id)
{
    return (int)id >= 0 && id < RT_OPS ? ops[id] : NULL;
}
