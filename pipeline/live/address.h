/* SPDX-License-Identifier: MIT
 * address: DIR/socket as an address of a Unix socket. Those hold 107 bytes of a path; a longer one is
 * named through an open descriptor of the folder, /proc/self/fd/N/socket. */
#ifndef RT_ADDRESS_H
#define RT_ADDRESS_H

#include "formats/error.h"

#include <sys/socket.h>
#include <sys/un.h>

#define RT_SOCKET_NAME "socket"

/* *folder_fd (close it after bind or connect) keeps the address alive. RT_EMISSING, RT_EIO. */
int rt_address_open(const char *folder, struct sockaddr_un *address, int *folder_fd,
                    struct rt_error *e);

#endif
