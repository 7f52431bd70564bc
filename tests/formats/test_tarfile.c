/* SPDX-License-Identifier: MIT
 * test_tarfile: members are found where they lie, under names of any length; a tar that is damaged keeps what is before
 * the damage; what cannot be read is refused with the reason. */
#include "formats/tarfile.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A tar being made. */
struct maker {
    uint8_t bytes[1 << 16];
    size_t size;
};

static void tar_put(struct maker *t, char type, const char *name, const void *data, size_t size)
{
    uint8_t *h = t->bytes + t->size;
    unsigned sum = 0;
    memset(h, 0, 512);
    snprintf((char *)h, 100, "%s", name);
    memcpy(h + 100, "0000644\0" "0000000\0" "0000000\0", 24);
    snprintf((char *)h + 124, 12, "%011zo", size);
    memcpy(h + 136, "00000000000\0" "        ", 20);
    h[156] = (uint8_t)type;
    memcpy(h + 257, "ustar\0" "00", 8);
    for (int i = 0; i < 512; i++)
        sum += h[i];
    snprintf((char *)h + 148, 8, "%06o", sum);
    t->size += 512;
    if (size)
        memcpy(t->bytes + t->size, data, size);
    memset(t->bytes + t->size + size, 0, 512);
    t->size += (size + 511) / 512 * 512;
}

static void tar_end(struct maker *t)
{
    memset(t->bytes + t->size, 0, 1024);
    t->size += 1024;
}

static struct maker made;
static char long_name[301];

static void tar_make(void)
{
    char pax[400];
    memset(&made, 0, sizeof made);
    memset(long_name, 'n', 300);
    memset(long_name, 'd', 20);
    long_name[150] = '/';
    tar_put(&made, '5', "folder/", NULL, 0);
    tar_put(&made, '0', "a.wav", "first", 5);
    tar_put(&made, '0', "./folder/b.wav", "the second one", 14);
    tar_put(&made, 'L', "././@LongLink", long_name, 301);
    tar_put(&made, '0', "shortened", "behind a long name", 18);
    int n = snprintf(pax, sizeof pax, "%d path=%.200s.pax\n", 3 + 1 + 5 + 200 + 4 + 1, long_name);
    tar_put(&made, 'x', "pax", pax, (size_t)n);
    tar_put(&made, '0', "shortened", "by pax", 6);
    tar_put(&made, '2', "link.wav", NULL, 0);
    tar_put(&made, '0', "twice", "1", 1);
    tar_put(&made, '0', "twice", "2", 1);
    tar_put(&made, '0', "empty", NULL, 0);
    tar_end(&made);
}

static int index_of(struct rt_tar **t, const void *bytes, size_t size, struct rt_error *e)
{
    return rt_tar_index(t, &RT_INPUT(bytes, size, "x.tar"), e);
}

static void check_member(const struct rt_tar *t, const char *name, const char *data)
{
    int64_t at;
    size_t size;
    struct rt_error e = {0};
    if (rt_tar_find(t, "x.tar", name, &at, &size, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(size, strlen(data));
    assert_memory_equal(made.bytes + at, data, size);
}

static void members_are_found(void **state)
{
    (void)state;
    struct rt_tar *t;
    struct rt_error e = {0};
    char pax[300];
    if (index_of(&t, made.bytes, made.size, &e) < 0)
        fail_msg("%s", e.text);
    snprintf(pax, sizeof pax, "%.200s.pax", long_name);
    check_member(t, "a.wav", "first");
    check_member(t, "./a.wav", "first");
    check_member(t, "folder/b.wav", "the second one");
    check_member(t, long_name, "behind a long name");
    check_member(t, pax, "by pax");
    check_member(t, "empty", "");
    size_t size;
    assert_int_equal(rt_tar_count(t), 8);
    assert_string_equal(rt_tar_name(t, 1, &size), "folder/b.wav");
    assert_int_equal(size, 14);
    assert_string_equal(rt_tar_damage(t), "");
    rt_tar_destroy(t);
}

/* Kept and taken back it is the same index; what is not one is refused, and a member that is elsewhere now is known by
 * its header. */
static void an_index_can_be_kept(void **state)
{
    (void)state;
    struct rt_tar *t, *back;
    struct rt_error e = {0};
    uint8_t *bytes;
    size_t size, length;
    int64_t at;
    static struct maker other;
    assert_int_equal(index_of(&t, made.bytes, made.size, &e), 0);
    assert_int_equal(rt_tar_pack(t, &bytes, &size), 0);
    assert_int_equal(rt_tar_unpack(&back, bytes, size, made.size), 0);
    assert_int_equal(rt_tar_count(back), rt_tar_count(t));
    check_member(back, "folder/b.wav", "the second one");
    check_member(back, long_name, "behind a long name");
    assert_int_equal(rt_tar_find(back, "x.tar", "twice", &at, &length, &e), RT_EFORMAT);
    assert_int_equal(rt_tar_find(back, "x.tar", "link.wav", &at, &length, &e), RT_EFORMAT);
    assert_true(rt_tar_holds(back, &RT_INPUT(made.bytes, made.size, "x.tar"), long_name));
    assert_false(rt_tar_holds(back, &RT_INPUT(made.bytes, made.size, "x.tar"), "c.wav"));
    memset(&other, 0, sizeof other);
    tar_put(&other, '5', "folder/", NULL, 0);
    tar_put(&other, '0', "c.wav", "first", 5);
    tar_put(&other, '0', "./folder/b.wav", "the second one", 14);
    assert_false(rt_tar_holds(back, &RT_INPUT(other.bytes, other.size, "x.tar"), "a.wav"));
    assert_true(rt_tar_holds(back, &RT_INPUT(other.bytes, other.size, "x.tar"), "folder/b.wav"));
    assert_false(rt_tar_holds(back, &RT_INPUT(other.bytes, other.size, "x.tar"), long_name));
    rt_tar_destroy(back);
    for (size_t cut = 0; cut < size; cut += cut < 300 ? 1 : 7)
        assert_int_equal(rt_tar_unpack(&back, bytes, cut, made.size), RT_EFORMAT);
    assert_int_equal(rt_tar_unpack(&back, bytes, size, 2000), RT_EFORMAT); /* a member lies behind that */
    bytes[0]++;
    assert_int_equal(rt_tar_unpack(&back, bytes, size, made.size), RT_EFORMAT);
    free(bytes);
    rt_tar_destroy(t);
}

static void what_cannot_be_read_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *member;
        int code;
        const char *words;
    } bad[] = {{"c.wav", RT_EMISSING, "x.tar: no member c.wav"},
               {"link.wav", RT_EFORMAT, "x.tar: link.wav is a link"},
               {"twice", RT_EFORMAT, "x.tar: two members are called twice"}};
    struct rt_tar *t;
    struct rt_error e = {0};
    int64_t at;
    size_t size;
    assert_int_equal(index_of(&t, made.bytes, made.size, &e), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(rt_tar_find(t, "x.tar", bad[i].member, &at, &size, &e), bad[i].code);
        assert_non_null(strstr(e.text, bad[i].words));
    }
    rt_tar_destroy(t);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *words;
    } bad[] = {{"\x1f\x8b\x08", 3, "compressed (gzip)"}, {"\x28\xb5\x2f\xfd...", 7, "compressed (zstd)"},
               {"PK\3\4......", 10, "compressed (zip)"}, {"RIFF....WAVE", 12, "no tar"}};
    struct rt_tar *t;
    struct rt_error e = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(index_of(&t, bad[i].bytes, bad[i].size, &e), RT_EFORMAT);
        assert_null(t);
        assert_non_null(strstr(e.text, bad[i].words));
    }
    assert_int_equal(index_of(&t, "", 0, &e), RT_EEMPTY);
}

/* Whatever of the tar is there, what can be found in it is all there. */
static void cut_tars_keep_what_is_whole(void **state)
{
    (void)state;
    for (size_t size = 512; size < made.size; size += 128) {
        struct rt_tar *t;
        struct rt_error e = {0};
        if (index_of(&t, made.bytes, size, &e) < 0)
            continue;
        for (size_t i = 0; i < rt_tar_count(t); i++) {
            int64_t at;
            size_t n;
            if (rt_tar_find(t, "x.tar", rt_tar_name(t, i, &n), &at, &n, &e) == 0)
                assert_true((size_t)at + n <= size);
        }
        if (size >= 1536 + 512) {
            check_member(t, "a.wav", "first");
            assert_int_equal(rt_tar_find(t, "x.tar", "empty", &(int64_t){0}, &(size_t){0}, &e) == 0,
                             size >= made.size - 1024);
        }
        rt_tar_destroy(t);
    }
}

static void paths_are_told_apart(void **state)
{
    (void)state;
    size_t n = 0;
    assert_string_equal(rt_tar_member_of("/d/x-000.tar!/a/b.wav", &n), "a/b.wav");
    assert_int_equal(n, strlen("/d/x-000.tar"));
    assert_string_equal(rt_tar_member_of("wow!/x.tar.gz!/a", &n), "a");
    assert_int_equal(n, strlen("wow!/x.tar.gz"));
    assert_null(rt_tar_member_of("/d/wow!/a.wav", &n));
    assert_null(rt_tar_member_of("x.tar", &n));
    assert_null(rt_tar_member_of("", &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_found), cmocka_unit_test(an_index_can_be_kept),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(cut_tars_keep_what_is_whole),
        cmocka_unit_test(paths_are_told_apart),
    };
    tar_make();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
