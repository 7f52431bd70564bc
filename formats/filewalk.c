/* SPDX-License-Identifier: MIT
 * filewalk: see filewalk.h. */
#include "formats/filewalk.h"
#include "formats/file.h"
#include "formats/path.h"
#include "formats/utf8.h"
#include "formats/words.h"
#include <ctype.h>
#include <errno.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_BYTES_MAX ((size_t)1 << 20)

/* Also of kinds that are optional parts of the program: where one is not built in, a run says so of each file. */
static const char *const endings[RT_MODALITIES][20] = {
    [RT_SPEECH] = {"wav", "flac", "ogg", "oga", "opus", "mp3", "m4a", "aac", "webm", "mka", "amr", "wma", "aif", "aiff",
                   "caf", "w64"},
    [RT_IMAGE] = {"png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic", "heif"},
    [RT_TEXT] = {"txt"},
};

int rt_walk_modality(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (int m = 0; dot && m < RT_MODALITIES; m++)
        for (int i = 0; endings[m][i]; i++)
            if (!strcasecmp(dot + 1, endings[m][i]))
                return m;
    return -1;
}

int rt_walk_root(const char *folder, char root[PATH_MAX], struct rt_error *e)
{
    char *real = realpath(folder, NULL);
    if (!real)
        return rt_error_errno(e, "cannot read", folder);
    snprintf(root, PATH_MAX, "%s", real);
    free(real);
    return 0;
}

int rt_walk_files(const char *root, rt_walk_visit *each, void *self, struct rt_error *e)
{
    char top[PATH_MAX], *roots[] = {top, NULL};
    snprintf(top, sizeof top, "%s", root);
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    if (!tree)
        return rt_error_errno(e, "cannot read", root);
    int code = 0;
    for (FTSENT *at; !code && (errno = 0, at = fts_read(tree));) {
        bool hidden = at->fts_name[0] == '.' && at->fts_level > 0;
        if (hidden) {
            fts_set(tree, at, FTS_SKIP);
        } else if (at->fts_info == FTS_F) {
            const char *below = at->fts_path + strlen(root);
            code = each(self, at->fts_path, below + strspn(below, "/"));
        } else if (at->fts_info == FTS_DC) {
            code = rt_error_set(e, RT_EFORMAT, "%s: links back to %s: remove the link",
                                at->fts_path, at->fts_cycle->fts_path);
        } else if (at->fts_info == FTS_DNR || at->fts_info == FTS_ERR || at->fts_info == FTS_NS) {
            errno = at->fts_errno;
            code = rt_error_errno(e, "cannot read", at->fts_path);
        }
    }
    if (!code && errno)
        code = rt_error_errno(e, "cannot read", root);
    fts_close(tree);
    return code;
}

int rt_walk_relative(const char *path, const char *folder, char out[PATH_MAX], struct rt_error *e)
{
    size_t length = strlen(path);
    char quoted[RT_QUOTE];
    if (rt_utf8_check(path, length) != length)
        return rt_error_set(e, RT_EFORMAT, "%s: the name is not UTF-8: rename it",
                            rt_quote(quoted, sizeof quoted, path));
    if (rt_path_relative(path, folder, out, PATH_MAX))
        return rt_error_set(e, RT_ELARGE, "%s: the path is too long", path);
    return 0;
}

int rt_walk_words(const char *path, char **words, struct rt_error *e)
{
    uint8_t *bytes;
    size_t size;
    RT_TRY(rt_file_read(path, TEXT_BYTES_MAX, &bytes, &size, e));
    *words = (char *)bytes;
    while (size && isspace(bytes[size - 1]))
        size--;
    size_t nul = strnlen(*words, size), bad = rt_utf8_check(*words, nul);
    (*words)[size] = '\0';
    if (bad == size)
        return 0; /* a NUL counts as not text too */
    rt_error_set(e, RT_EFORMAT, "%s: byte %zu is 0x%02X: not text in UTF-8", path, bad + 1, bytes[bad]);
    free(bytes);
    *words = NULL;
    return RT_EFORMAT;
}
