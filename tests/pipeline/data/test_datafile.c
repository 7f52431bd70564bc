/* SPDX-License-Identifier: MIT
 * test_datafile: a member of a shard has the key of a file with the same bytes, a part a key of its own; what changes
 * has another one, and a shard that was written anew is indexed anew. The shard is one of the fuzz corpus. */
#include "pipeline/data/datafile.h"

#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHARD "tests/fuzz/corpus/tar/ustar" /* a.wav "one", d.../b.wav "two", a.txt, a link */

static struct scratch dir;
static struct rt_datafiles *all;

static struct rt_key128 key_of(const char *path, const struct rt_extent *x)
{
    struct rt_datafile f;
    struct rt_key128 key, alone;
    struct rt_error e = {0};
    if (rt_datafile_open(&f, all, path, x, &e) < 0 || rt_datafile_key(&f, (struct rt_key128){1, 2}, &key, &e) < 0)
        fail_msg("%s", e.text);
    rt_datafile_close(&f);
    assert_int_equal(rt_datafile_open(&f, NULL, path, x, &e), 0); /* nothing remembered: the same */
    assert_int_equal(rt_datafile_key(&f, (struct rt_key128){1, 2}, &alone, &e), 0);
    rt_datafile_close(&f);
    assert_memory_equal(&key, &alone, sizeof key);
    return key;
}

static int differ(struct rt_key128 a, struct rt_key128 b)
{
    return a.lo != b.lo || a.hi != b.hi;
}

static void copy_shard(const char *name, char from, char to)
{
    size_t size;
    uint8_t *bytes = read_bytes(SHARD, &size), *at = memchr(bytes + 512, from, size - 512);
    *at = (uint8_t)to;
    unlink(scratch_file(&dir, name));
    scratch_write(&dir, name, bytes, size);
    free(bytes);
}

static const char *path_of(const char *name)
{
    static char path[2][300];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s", scratch_file(&dir, name));
    return path[turn];
}

static void members_have_the_keys_of_files(void **state)
{
    (void)state;
    struct rt_extent whole = {0}, part = {.timed = true, .start = 0, .end = 1},
                     other = {.timed = true, .start = 0, .end = 2};
    scratch_write(&dir, "a.wav", "one", 3);
    copy_shard("x.tar", 'o', 'o');
    struct rt_key128 file = key_of(path_of("a.wav"), &whole), member = key_of(path_of("x.tar!/a.wav"), &whole);
    assert_false(differ(file, member));
    assert_false(differ(key_of(path_of("a.wav"), &part), key_of(path_of("x.tar!/a.wav"), &part)));
    assert_true(differ(file, key_of(path_of("a.wav"), &part)));
    assert_true(differ(key_of(path_of("a.wav"), &other), key_of(path_of("a.wav"), &part)));
    assert_true(differ(file, key_of(path_of("x.tar!/a.txt"), &whole)));
}

static void what_changes_has_another_key(void **state)
{
    (void)state;
    struct rt_extent whole = {0}, part = {.timed = true, .start = 0, .end = 1};
    struct rt_key128 before = key_of(path_of("x.tar!/a.wav"), &whole), piece = key_of(path_of("x.tar!/a.wav"), &part);
    copy_shard("x.tar", 'o', 'O');
    assert_true(differ(before, key_of(path_of("x.tar!/a.wav"), &whole)));
    assert_true(differ(piece, key_of(path_of("x.tar!/a.wav"), &part)));
    scratch_write(&dir, "x.tar", "", 0); /* written anew, with nothing in it */
    struct rt_datafile f;
    struct rt_error e = {0};
    assert_int_equal(rt_datafile_open(&f, all, path_of("x.tar!/a.wav"), &whole, &e), RT_EEMPTY);
}

/* Another process takes the index that the first one kept; of a shard that was written anew it makes its own. */
static void an_index_is_kept(void **state)
{
    (void)state;
    struct rt_store *store;
    struct rt_error e = {0};
    struct rt_datafiles *before = all;
    struct rt_key128 key[4];
    uint64_t hits[4], misses, bytes;
    assert_int_equal(rt_store_open(&store, dir.path, RT_SHARDS_STORE, RT_SHARDS_BYTES, &e), 0);
    copy_shard("k.tar", 'o', 'o');
    for (int i = 0; i < 4; i++) {
        if (i == 2)
            copy_shard("k.tar", 'o', 'O');
        assert_int_equal(rt_datafiles_create(&all), 0);
        rt_datafiles_keep(all, store);
        key[i] = key_of(path_of("k.tar!/a.wav"), NULL);
        rt_datafiles_destroy(all);
        rt_store_counts(store, &hits[i], &misses, &bytes);
    }
    all = before;
    assert_true(hits[0] == 0 && hits[1] == 1 && hits[2] == 1 && hits[3] == 2 && misses == 2);
    assert_true(!differ(key[0], key[1]) && differ(key[1], key[2]) && !differ(key[2], key[3]));
    rt_store_close(store);
}

static void what_is_not_there_is_named(void **state)
{
    (void)state;
    struct rt_error e = {0};
    struct rt_datafile f;
    uint64_t size = 0;
    copy_shard("y.tar", 'o', 'o');
    assert_int_equal(rt_datafile_exists(all, path_of("y.tar!/a.wav"), &size, &e), 0);
    assert_int_equal(rt_datafile_exists(all, path_of("y.tar!/c.wav"), NULL, &e), RT_EMISSING);
    assert_non_null(strstr(e.text, "y.tar: no member c.wav"));
    assert_int_equal(rt_datafile_exists(all, path_of("z.tar!/c.wav"), NULL, &e), RT_EMISSING);
    assert_int_equal(rt_datafile_open(&f, all, dir.path, NULL, &e), RT_EFORMAT);
    assert_non_null(strstr(e.text, "folder; give a regular file"));
    assert_int_equal(rt_datafile_open(&f, all, path_of("y.tar!/link"), NULL, &e), RT_EFORMAT);
    assert_non_null(strstr(e.text, "link is a link"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_have_the_keys_of_files),
        cmocka_unit_test(what_changes_has_another_key),
        cmocka_unit_test(an_index_is_kept),
        cmocka_unit_test(what_is_not_there_is_named),
    };
    scratch_make(&dir);
    if (rt_datafiles_create(&all) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rt_datafiles_destroy(all);
    return scratch_end(&dir, failed);
}
