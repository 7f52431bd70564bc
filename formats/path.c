/* SPDX-License-Identifier: MIT
 * path: file names as text, component by component. Only a link before ".." is looked up. */
#include "formats/path.h"
#include "formats/error.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* realpath() needs the file to exist; an output file does not yet. So names are worked on as text,
 * and only ".." behind a link, which means the folder that the link leads to, asks the file system.
 */

/* Drops the last folder of the absolute path; a link is followed first. */
static void path_drop_last(char *path, size_t size)
{
    struct stat st;
    char real[PATH_MAX];
    if (!lstat(path, &st) && S_ISLNK(st.st_mode) && realpath(path, real) && strlen(real) < size)
        strcpy(path, real);
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
}

/* Adds "/part" to out. */
static int path_add_part(char *out, size_t size, const char *part)
{
    size_t used = strlen(out);
    return (size_t)snprintf(out + used, size - used, "/%s", part) < size - used ? 0 : RT_ELARGE;
}

int rt_path_absolute(const char *value, const char *folder, char *out, size_t size)
{
    char here[PATH_MAX] = "", whole[3 * PATH_MAX];
    const char *base = *value == '/' || !folder ? "" : folder;
    if (*value != '/' && *base != '/' && !getcwd(here, sizeof here))
        return RT_EIO;
    if ((size_t)snprintf(whole, sizeof whole, "%s/%s/%s", here, base, value) >= sizeof whole)
        return RT_ELARGE;
    out[0] = '\0';
    for (char *save, *part = strtok_r(whole, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
        if (!strcmp(part, ".."))
            path_drop_last(out, size);
        else if (strcmp(part, ".") && path_add_part(out, size, part))
            return RT_ELARGE;
    }
    return *out ? 0 : path_add_part(out, size, "");
}

int rt_path_relative(const char *path, const char *folder, char *out, size_t size)
{
    size_t common = 0; /* up to the last slash, or end, that both share */
    for (size_t i = 0;; i++) {
        bool path_ends = path[i] == '/' || !path[i], folder_ends = folder[i] == '/' || !folder[i];
        if (path_ends && folder_ends)
            common = i;
        if (path[i] != folder[i] || !path[i])
            break;
    }
    size_t used = 0;
    out[0] = '\0';
    for (const char *rest = folder + common; *rest; rest++) {
        if (*rest != '/' || !rest[1])
            continue;
        if (used + 4 > size)
            return RT_ELARGE;
        used += (size_t)snprintf(out + used, size - used, "../");
    }
    const char *tail = path + common + (path[common] == '/');
    return (size_t)snprintf(out + used, size - used, "%s", *tail || used ? tail : ".") < size - used
               ? 0
               : RT_ELARGE;
}

bool rt_path_ends_in(const char *path, const char *ending)
{
    size_t n = strlen(path), k = strlen(ending);
    return n > k && strcmp(path + n - k, ending) == 0;
}
