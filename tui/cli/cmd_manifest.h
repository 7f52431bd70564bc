/* SPDX-License-Identifier: MIT
 * cmd_manifest: the command `retort manifest KIND SOURCE -o FILE`. */
#ifndef RT_CMD_MANIFEST_H
#define RT_CMD_MANIFEST_H

/* argv[0] is "manifest". Returns the exit code: 0 written, 1 failed, 2 wrong usage. */
int cmd_manifest(int argc, char **argv);

#endif
