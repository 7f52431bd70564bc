/* SPDX-License-Identifier: MIT
 * address: see address.h. */
#include "pipeline/live/address.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* The path of a Unix socket holds 107 bytes, and run folders may lie deeper than that. A path
 * through /proc/self/fd is short whatever the folder's own is; a change of the current folder would
 * do too, but that is the whole process's, and other threads open files meanwhile. */

int rt_address_open(const char *folder, struct sockaddr_un *address, int *folder_fd,
                    struct rt_error *e)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    *folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*folder_fd < 0)
        return rt_error_errno(e, "cannot open the folder", folder);
    size_t size = sizeof address->sun_path;
    if ((size_t)snprintf(address->sun_path, size, "%s/" RT_SOCKET_NAME, folder) >= size)
        snprintf(address->sun_path, size, "/proc/self/fd/%d/" RT_SOCKET_NAME, *folder_fd);
    return 0;
}
