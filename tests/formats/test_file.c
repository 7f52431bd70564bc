/* SPDX-License-Identifier: MIT
 * Tests of file.h: refused paths, bounds, all-or-nothing writes, folders and the cursor. */
#include "formats/file.h"
#include "tests/support/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct scratch dir;

static void write_text(const char *path, const char *text)
{
    struct rt_error e = {0};
    assert_int_equal(rt_file_write(path, &(struct rt_span){text, strlen(text)}, 1, &e), 0);
}

static void scratch_empty(void)
{
    DIR *d = opendir(dir.path);
    const struct dirent *file;
    assert_non_null(d);
    while ((file = readdir(d)))
        unlinkat(dirfd(d), file->d_name, 0); /* "." and ".." refuse */
    closedir(d);
    assert_int_equal(scratch_entries(&dir), 0);
}

static void unreadable_paths_are_refused(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t size;
    struct rt_error e;
    const char *missing = scratch_file(&dir, "missing");
    assert_int_equal(rt_file_read(missing, 10, &bytes, &size, &e), RT_EMISSING);
    assert_null(bytes);
    assert_non_null(strstr(e.text, missing));
    assert_int_equal(rt_file_read(dir.path, 10, &bytes, &size, &e), RT_EFORMAT);
    assert_non_null(strstr(e.text, "folder"));
    assert_int_equal(rt_file_read("/dev/zero", 10, &bytes, &size, &e), RT_EFORMAT);
    const char *pipe_path = scratch_file(&dir, "pipe");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_int_equal(rt_file_read(pipe_path, 10, &bytes, &size, NULL), RT_EFORMAT);
    unlink(pipe_path);
}

static void reads_are_bounded(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t size;
    struct rt_error e;
    const char *path = scratch_file(&dir, "ten");
    write_text(path, "0123456789");
    assert_int_equal(rt_file_read(path, 9, &bytes, &size, &e), RT_ELARGE);
    assert_non_null(strstr(e.text, "10 bytes; the limit is 9"));
    assert_int_equal(rt_file_read(path, 10, &bytes, &size, &e), 0);
    assert_int_equal(size, 10);
    assert_memory_equal(bytes, "0123456789", 11);
    free(bytes);
    write_text(path, "");
    assert_int_equal(rt_file_read(path, 10, &bytes, &size, &e), 0);
    assert_int_equal(size, 0);
    assert_int_equal(bytes[0], 0);
    free(bytes);
    unlink(path);
}

static void a_write_joins_its_parts_and_replaces(void **state)
{
    (void)state;
    const char *path = scratch_file(&dir, "joined");
    write_text(path, "a longer text that was there before");
    struct rt_span part[] = {{"one", 3}, {NULL, 0}, {"two", 3}};
    assert_int_equal(rt_file_write(path, part, 3, NULL), 0);
    uint8_t *bytes;
    size_t size;
    assert_int_equal(rt_file_read(path, 100, &bytes, &size, NULL), 0);
    assert_string_equal((char *)bytes, "onetwo");
    free(bytes);
    assert_int_equal(scratch_entries(&dir), 1);
    unlink(path);
}

static void a_failed_write_leaves_the_old_file_alone(void **state)
{
    (void)state;
    struct rt_error e;
    struct rt_span part = {"x", 1};
    assert_int_equal(rt_file_write(scratch_file(&dir, "none/x"), &part, 1, &e), RT_EMISSING);
    assert_int_equal(rt_file_write(dir.path, &part, 1, &e), RT_EFORMAT);
    assert_int_equal(rt_file_write("/dev/null", &part, 1, &e), RT_EFORMAT);
    assert_int_equal(scratch_entries(&dir), 0);

    char *path = malloc(5000);
    memset(path, 'a', 4999);
    path[4999] = '\0';
    assert_int_equal(rt_file_write(path, &part, 1, &e), RT_ERANGE);
    free(path);

    /* Half-way no more may be written, so the old content must stay. */
    struct rlimit before, little;
    write_text(scratch_file(&dir, "kept"), "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little = (struct rlimit){2, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    int rc = rt_file_write(scratch_file(&dir, "kept"), &(struct rt_span){"more", 4}, 1, &e);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rc, RT_EIO);
    assert_int_equal(scratch_entries(&dir), 1);
    uint8_t *bytes;
    size_t size;
    assert_int_equal(rt_file_read(scratch_file(&dir, "kept"), 100, &bytes, &size, NULL), 0);
    assert_string_equal((char *)bytes, "old");
    free(bytes);
    unlink(scratch_file(&dir, "kept"));
}

/* Of two writers of one path neither fails, and a link that waits under a name of ours is not written through. */
static void temporaries_are_unique(void **state)
{
    (void)state;
    char name[64];
    struct rt_span part = {"new", 3};
    uint8_t *bytes;
    size_t size;
    write_text(scratch_file(&dir, "target"), "precious");
    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof name, "file.%ld-%d.tmp", (long)getpid(), i);
        assert_int_equal(symlink("target", scratch_file(&dir, name)), 0);
    }
    assert_int_equal(symlink("target", scratch_file(&dir, "file")), 0);
    assert_int_equal(rt_file_write(scratch_file(&dir, "file"), &part, 1, NULL), 0);
    assert_int_equal(rt_file_read(scratch_file(&dir, "target"), 100, &bytes, &size, NULL), 0);
    assert_string_equal((char *)bytes, "precious");
    free(bytes);
    assert_int_equal(rt_file_read(scratch_file(&dir, "file"), 100, &bytes, &size, NULL), 0);
    assert_string_equal((char *)bytes, "new");
    free(bytes);
    scratch_empty();
}

static void fixed_names_are_not_followed(void **state)
{
    (void)state;
    struct rt_error e;
    struct stat st;
    write_text(scratch_file(&dir, "target"), "precious");
    assert_int_equal(symlink("target", scratch_file(&dir, "lock")), 0);
    assert_int_equal(rt_file_open_own(scratch_file(&dir, "lock"), O_RDWR | O_CREAT | O_TRUNC, &e), RT_EFORMAT);
    assert_non_null(strstr(e.text, "is a link"));
    assert_int_equal(symlink("nowhere", scratch_file(&dir, "log")), 0);
    assert_int_equal(rt_file_open_own(scratch_file(&dir, "log"), O_WRONLY | O_CREAT, &e), RT_EFORMAT);
    assert_int_equal(mkfifo(scratch_file(&dir, "pipe"), 0600), 0); /* nobody at its other end */
    assert_int_equal(rt_file_open_own(scratch_file(&dir, "pipe"), O_RDONLY, &e), RT_EFORMAT);
    assert_int_equal(rt_file_open_own(dir.path, O_RDONLY, &e), RT_EFORMAT);
    assert_int_equal(rt_file_open_own(scratch_file(&dir, "none"), O_RDONLY, &e), RT_EMISSING);
    if (geteuid() == 0) { /* only root can give files away */
        assert_int_equal(chown(scratch_file(&dir, "target"), 1234, (gid_t)-1), 0);
        assert_int_equal(rt_file_open_own(scratch_file(&dir, "target"), O_RDWR | O_TRUNC, &e), RT_EIO);
        assert_non_null(strstr(e.text, "belongs to user 1234"));
        assert_int_equal(chown(scratch_file(&dir, "target"), geteuid(), (gid_t)-1), 0);
    }
    assert_int_equal(stat(scratch_file(&dir, "target"), &st), 0);
    assert_int_equal(st.st_size, strlen("precious"));
    int fd = rt_file_open_own(scratch_file(&dir, "target"), O_RDWR | O_TRUNC, &e);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 0);
    close(fd);
    scratch_empty();
}

static void folders_are_made_once(void **state)
{
    (void)state;
    struct rt_error e;
    struct stat st;
    assert_int_equal(rt_file_mkdirs("", &e), RT_ERANGE);
    assert_int_equal(rt_file_mkdirs(scratch_file(&dir, "a//b/c/"), &e), 0);
    assert_int_equal(rt_file_mkdirs(scratch_file(&dir, "a/b/c"), &e), 0);
    assert_int_equal(stat(scratch_file(&dir, "a/b/c"), &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    write_text(scratch_file(&dir, "a/file"), "");
    assert_int_equal(rt_file_mkdirs(scratch_file(&dir, "a/file"), &e), RT_EIO);
    char link[300];
    snprintf(link, sizeof link, "%s", scratch_file(&dir, "a/link"));
    assert_int_equal(symlink("nowhere", link), 0); /* in the way, though nothing is found behind it */
    assert_int_equal(rt_file_mkdirs(link, &e), RT_EIO);
    assert_non_null(strstr(e.text, "File exists"));
    unlink(link);
    assert_int_equal(rt_file_mkdirs(scratch_file(&dir, "a/file/x"), &e), RT_EIO);
    unlink(scratch_file(&dir, "a/file"));
    rmdir(scratch_file(&dir, "a/b/c"));
    rmdir(scratch_file(&dir, "a/b"));
    rmdir(scratch_file(&dir, "a"));
}

static void the_cursor_stops_at_the_end(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct rt_cursor c = {.data = bytes, .size = sizeof bytes};
    assert_int_equal(rt_take_u8(&c), 1);
    assert_int_equal(rt_take_u16(&c), 0x0302);
    assert_int_equal(rt_take_u32(&c), 0x07060504);
    assert_true(rt_take_u64(&c) == 0x0F0E0D0C0B0A0908u);
    assert_int_equal(c.bad, 0);
    assert_int_equal(rt_take_u16(&c), 0);
    assert_int_equal(c.bad, 1);
    assert_int_equal(rt_take_u8(&c), 0); /* bad stays bad though one byte is left */
    assert_int_equal(c.at, 15);

    c = (struct rt_cursor){.data = bytes, .size = 8, .at = 12}; /* put beyond the end */
    assert_int_equal(rt_take_u32(&c), 0);
    assert_int_equal(c.bad, 1);
    c = (struct rt_cursor){.data = bytes, .size = sizeof bytes};
    assert_null(rt_take_bytes(&c, SIZE_MAX));
    c = (struct rt_cursor){.data = bytes, .size = sizeof bytes};
    assert_ptr_equal(rt_take_bytes(&c, sizeof bytes), bytes);
    assert_non_null(rt_take_bytes(&c, 0));
    assert_null(rt_take_bytes(&c, 1));
}

static void nothing_is_left_behind(void **state)
{
    (void)state;
    assert_int_equal(scratch_entries(&dir), 0);
}

/* A stream that could not be opened leaves no text. Without memory for its end: tests/campaign/allocation. */
static void memory_streams(void **state)
{
    (void)state;
    char *text = (char *)"anything";
    size_t size;
    assert_int_equal(rt_memstream_close(NULL, &text), RT_EMEM);
    assert_null(text);
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    fputs("words", f);
    assert_int_equal(rt_memstream_close(f, &text), 0);
    assert_string_equal(text, "words");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unreadable_paths_are_refused),
        cmocka_unit_test(reads_are_bounded),
        cmocka_unit_test(a_write_joins_its_parts_and_replaces),
        cmocka_unit_test(a_failed_write_leaves_the_old_file_alone),
        cmocka_unit_test(temporaries_are_unique),
        cmocka_unit_test(fixed_names_are_not_followed),
        cmocka_unit_test(folders_are_made_once),
        cmocka_unit_test(the_cursor_stops_at_the_end),
        cmocka_unit_test(memory_streams),
        cmocka_unit_test(nothing_is_left_behind),
    };
    scratch_make(&dir);
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
