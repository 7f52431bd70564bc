/* SPDX-License-Identifier: MIT
 * imagefile_gif: a GIF of one picture -> RGBA by libgif. An optional part (meson option gif). */
#include "formats/imagefile_parts.h"
#include <gif_lib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct job {
    struct rt_picture *p;
    size_t at;
    GifFileType *gif;
    GifPixelType *line; /* [canvas width] */
    int transparent;    /* index of the colour that is none, or -1 */
    int pictures;
};

static int gif_on_read(GifFileType *gif, GifByteType *out, int count)
{
    struct job *j = gif->UserData;
    size_t left = j->p->size - j->at, n = (size_t)count < left ? (size_t)count : left;
    memcpy(out, j->p->bytes + j->at, n);
    j->at += n;
    return (int)n;
}

static int gif_damaged(struct job *j, int code)
{
    const char *words = GifErrorString(j->gif ? j->gif->Error : code);
    return rt_picture_damaged(j->p, "GIF", words ? words : "its blocks are wrong");
}

/* ---- one picture on its canvas ----
 * The records are walked by hand: libgif's own loader takes whatever size a frame claims. The canvas has the
 * size that the file's screen has, and the picture may cover a part of it; the rest is transparent. */

static void gif_put_line(struct job *j, const GifImageDesc *d, const ColorMapObject *map, int y)
{
    struct rt_picture *p = j->p;
    if (d->Top + y >= p->height)
        return;
    uint8_t *out = p->pixels + ((size_t)(d->Top + y) * (size_t)p->width + (size_t)d->Left) * 4;
    for (int x = 0; x < d->Width && d->Left + x < p->width; x++, out += 4) {
        int index = j->line[x];
        if (index == j->transparent || index >= map->ColorCount)
            continue;
        const GifColorType *c = &map->Colors[index];
        out[0] = c->Red, out[1] = c->Green, out[2] = c->Blue, out[3] = 255;
    }
}

static int gif_read_picture(struct job *j)
{
    static const int first[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
    if (DGifGetImageDesc(j->gif) == GIF_ERROR)
        return gif_damaged(j, 0);
    const GifImageDesc *d = &j->gif->Image;
    const ColorMapObject *map = d->ColorMap ? d->ColorMap : j->gif->SColorMap;
    if (++j->pictures > 1)
        return rt_error_set(j->p->e, RT_EFORMAT, "%s: an animated GIF; give a single picture", j->p->name);
    if (!map)
        return rt_picture_damaged(j->p, "GIF", "no colours");
    if (d->Left < 0 || d->Top < 0 || d->Left >= j->p->width || d->Width < 1 || d->Width > RT_IMAGE_SIDE_MAX ||
        d->Height < 1 || d->Height > RT_IMAGE_SIDE_MAX)
        return rt_picture_damaged(j->p, "GIF", "a picture beside its canvas");
    for (int pass = d->Interlace ? 0 : 3; pass < 4; pass++)
        for (int y = d->Interlace ? first[pass] : 0; y < d->Height; y += d->Interlace ? step[pass] : 1) {
            if (DGifGetLine(j->gif, j->line, d->Width) == GIF_ERROR)
                return gif_damaged(j, 0);
            gif_put_line(j, d, map, y);
        }
    return 0;
}

static int gif_read_extension(struct job *j)
{
    int code;
    GifByteType *block;
    if (DGifGetExtension(j->gif, &code, &block) == GIF_ERROR)
        return gif_damaged(j, 0);
    while (block) {
        GraphicsControlBlock control;
        if (code == GRAPHICS_EXT_FUNC_CODE && j->pictures == 0 &&
            DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
            j->transparent = control.TransparentColor;
        if (DGifGetExtensionNext(j->gif, &block) == GIF_ERROR)
            return gif_damaged(j, 0);
    }
    return 0;
}

static int gif_read(struct job *j)
{
    struct rt_picture *p = j->p;
    RT_TRY(rt_picture_reserve(p, (uint64_t)j->gif->SWidth, (uint64_t)j->gif->SHeight, 4));
    memset(p->pixels, 0, (size_t)p->width * (size_t)p->height * 4);
    j->line = malloc(RT_IMAGE_SIDE_MAX * sizeof *j->line);
    if (!j->line)
        return rt_error_set(p->e, RT_EMEM, "%s: out of memory for the picture", p->name);
    for (;;) {
        GifRecordType type;
        if (DGifGetRecordType(j->gif, &type) == GIF_ERROR)
            return gif_damaged(j, 0);
        if (type == TERMINATE_RECORD_TYPE)
            return j->pictures ? 0 : rt_picture_damaged(p, "GIF", "no picture in it");
        if (type == IMAGE_DESC_RECORD_TYPE)
            RT_TRY(gif_read_picture(j));
        else if (type == EXTENSION_RECORD_TYPE)
            RT_TRY(gif_read_extension(j));
    }
}

int rt_picture_gif(struct rt_picture *p)
{
    struct job j = {.p = p, .transparent = NO_TRANSPARENT_COLOR};
    int code = 0;
    j.gif = DGifOpen(&j, gif_on_read, &code);
    int rc = j.gif ? gif_read(&j) : gif_damaged(&j, code);
    if (j.gif)
        DGifCloseFile(j.gif, &code);
    free(j.line);
    return rc;
}
