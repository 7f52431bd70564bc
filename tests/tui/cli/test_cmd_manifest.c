/* SPDX-License-Identifier: MIT
 * Tests of `retort manifest`: wrong usage and wrong data first, with what is said and that nothing
 * is written; then each kind of source on a small tree, read back with the manifest reader. */
#include "tui/cli/cmd.h"
#include "formats/file.h"
#include "formats/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char top[] = "/tmp/rt_cmd_manifest_XXXXXX"; /* the current folder of every test */
static char said[8000];                            /* what the last command said */
static struct rt_error e;
static struct rt_manifest *m;

static void put(const char *path, const char *text)
{
    char folder[300];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) {
        *slash = '\0';
        assert_int_equal(rt_file_mkdirs(folder, &e), 0);
    }
    struct rt_span part = {text, strlen(text)};
    assert_int_equal(rt_file_write(path, &part, 1, &e), 0);
}

/* Runs the words of line; both outputs end in said. */
static int run(const char *line)
{
    char words[2000], *argv[40] = {NULL}, *save;
    int argc = 0;
    snprintf(words, sizeof words, "%s", line);
    for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    FILE *f = tmpfile();
    assert_non_null(f);
    fflush(NULL);
    int out = dup(1), err = dup(2);
    dup2(fileno(f), 1);
    dup2(fileno(f), 2);
    int code = rt_cmd_run(&cmd_manifest, argc, argv);
    fflush(NULL);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    close(err);
    rewind(f);
    said[fread(said, 1, sizeof said - 1, f)] = '\0';
    fclose(f);
    return code;
}

static void refused(const char *line, int want, const char *message)
{
    int code = run(line);
    if (code != want || strcmp(said, message))
        fail_msg("%s: exit %d, said: %s", line, code, said);
    assert_int_equal(access("out.tsv", F_OK), -1);
}

static void made(const char *line, const char *message)
{
    unlink("out.tsv");
    int code = run(line);
    if (code || strcmp(said, message))
        fail_msg("%s: exit %d, said: %s", line, code, said);
    rt_manifest_destroy(m);
    if (rt_manifest_load(&m, "out.tsv", &e))
        fail_msg("%s", e.text);
}

static const char *cell(const char *id, const char *column)
{
    int row = rt_manifest_find(m, id), c = rt_manifest_column(m, column);
    assert_true(row >= 0 && c >= 0);
    return rt_manifest_cell(m, row, c);
}

static void wrong_usage_is_refused(void **state)
{
    (void)state;
    refused("manifest", 2,
            "retort manifest: write what to make it from: folders, csv or voxceleb; "
            "see retort manifest --help\n");
    refused("manifest folder x -o out.tsv", 2,
            "retort manifest: folder is no kind of source: write folders, csv or voxceleb; did you "
            "mean folders?; see retort manifest --help\n");
    refused("manifest folders -o out.tsv", 2,
            "retort manifest folders: what to read is missing; "
            "see retort manifest folders --help\n");
    refused("manifest folders a b -o out.tsv", 2,
            "retort manifest folders: 'b' is one argument too "
            "many; see retort manifest folders --help\n");
    refused("manifest folders a", 2,
            "retort manifest folders: -o FILE is missing; see retort manifest folders --help\n");
    refused("manifest folders a -o", 2,
            "retort manifest folders: option 'o' needs a value; see retort manifest folders --help\n");
    refused("manifest folders a --modalty x -o out.tsv", 2,
            "retort manifest folders: unrecognized option '--modalty'; did you mean --modality?; see "
            "retort manifest folders --help\n");
    refused("manifest folders a --root x -o out.tsv", 2,
            "retort manifest folders: --root is not for folders; see retort manifest folders "
            "--help\n");
    refused("manifest folders a --split 70/30 -o out.tsv", 2,
            "retort manifest folders: --split 70/30: write three shares such as 70/10/20, or none; "
            "see retort manifest folders --help\n");
    refused("manifest folders a --split 0/0/0 -o out.tsv", 2,
            "retort manifest folders: --split 0/0/0: write three shares such as 70/10/20, or none; "
            "see retort manifest folders --help\n");
    refused("manifest csv a --seed x -o out.tsv", 2,
            "retort manifest csv: --seed x: write a whole "
            "number; see retort manifest csv --help\n");
    refused("manifest csv a --delimiter ab -o out.tsv", 2,
            "retort manifest csv: --delimiter ab: write one character, or tab; see retort manifest "
            "csv --help\n");
}

static void help_is_given(void **state)
{
    (void)state;
    static const char *const lines[] = {"manifest --help", "manifest folders --help",
                                        "manifest csv -h", "manifest voxceleb --help"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(run(lines[i]), 0);
        assert_memory_equal(said, "usage: retort manifest ", 23);
        for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n"))
            assert_true(strlen(line) <= 100);
    }
}

static void wrong_folders_are_refused(void **state)
{
    (void)state;
    refused("manifest folders none -o out.tsv", 1,
            "retort manifest folders: cannot read none: No such file or directory\n");
    put("bare/a.wav", "");
    refused("manifest folders bare -o no/out.tsv", 1,
            "retort manifest folders: cannot write to no/: No such file or directory\n");
    refused("manifest folders bare -o out.tsv", 1,
            "retort manifest folders: bare: no known file in its sub-folders: expected "
            "bare/CLASS/FILE, with endings such as .wav .flac .ogg .png .jpg .txt\n");
    put("mixed/x/a.wav", "");
    put("mixed/x/b.png", "");
    refused("manifest folders mixed -o out.tsv", 2,
            "retort manifest folders: mixed holds 1 speech, 1 image and 0 text files: choose with "
            "--modality speech, image or text; see retort manifest folders --help\n");
    refused("manifest folders mixed --modality text -o out.tsv", 1,
            "retort manifest folders: mixed: no text file in its sub-folders: expected "
            "mixed/CLASS/FILE, with endings such as .wav .flac .ogg .png .jpg .txt\n");
    refused("manifest folders mixed --modality video -o out.tsv", 2,
            "retort manifest folders: --modality video: write speech, image or text; see retort "
            "manifest folders --help\n");
    put("latin/x/a.txt", "caf\xE9");
    assert_int_equal(run("manifest folders latin -o out.tsv"), 1);
    assert_non_null(strstr(said, "/latin/x/a.txt: byte 4 is 0xE9: not text in UTF-8\n"));
    put("named/x/\xE9.wav", "");
    assert_int_equal(run("manifest folders named -o out.tsv"), 1);
    assert_non_null(strstr(said, "the name is not UTF-8: rename it\n"));
    assert_int_equal(symlink("..", "mixed/x/up"), 0);
    assert_int_equal(run("manifest folders mixed --modality image -o out.tsv"), 1);
    assert_non_null(strstr(said, "/mixed/x/up: links back to "));
    unlink("mixed/x/up");
    assert_int_equal(run("manifest voxceleb mixed -o out.tsv"), 1);
    assert_string_equal(said, "retort manifest voxceleb: mixed: not one of 2 files is at "
                              "wav/idNNNNN/VIDEO/UTT.wav\n");
    assert_int_equal(access("out.tsv", F_OK), -1);
}

static void wrong_tables_are_refused(void **state)
{
    (void)state;
    put("a.csv", "name,klass,file\nx,c,a.wav\n");
    refused("manifest csv a.csv -o out.tsv", 2,
            "retort manifest csv: a.csv:1: --id COL is needed: no column \"id\"; there are name, "
            "klass, file; see retort manifest csv --help\n");
    refused("manifest csv a.csv --id name --label class -o out.tsv", 2,
            "retort manifest csv: a.csv:1: --label: no column \"class\"; there are name, klass, "
            "file; did you mean klass?; see retort manifest csv --help\n");
    refused("manifest csv a.csv --id name -o out.tsv", 2,
            "retort manifest csv: a.csv:1: --speech, --image or --text COL is needed: no column "
            "\"speech\"; there are name, klass, file; see retort manifest csv --help\n");
    assert_int_equal(run("manifest csv a.csv --id name --speech file -o out.tsv"), 1);
    assert_non_null(strstr(said, "a.csv: none of its 1 files exists, such as "));
    assert_non_null(strstr(said, "/a.wav: say with --root DIR where they are\n"));
    refused("manifest csv a.csv --id name --speech file --root no -o out.tsv", 1,
            "retort manifest csv: cannot read no: No such file or directory\n");
    put("a.csv", "");
    refused("manifest csv a.csv -o out.tsv", 1,
            "retort manifest csv: a.csv: empty: the first line must name the columns\n");
    put("a.csv", "id,text\n");
    refused("manifest csv a.csv -o out.tsv", 1,
            "retort manifest csv: a.csv: no rows below the header\n");
    put("a.csv", "id,text\nx,a\ny,b,c\n");
    refused("manifest csv a.csv -o out.tsv", 1,
            "retort manifest csv: a.csv:3: 3 cells where the header has 2 columns: cells that hold "
            "the delimiter need quotes\n");
    put("a.csv", "id,text\nx,a\n,b\n");
    refused("manifest csv a.csv -o out.tsv", 1,
            "retort manifest csv: a.csv:3: no id: give every row its own\n");
    put("a.csv", "id,text\nx,\"a\nb\"\ny,b\nx,c\n");
    refused("manifest csv a.csv -o out.tsv", 1,
            "retort manifest csv: a.csv:5: id \"x\" is already in line 2: ids must be unique\n");
    put("a.csv", "id,text,split\nx,a,later\n");
    refused(
        "manifest csv a.csv -o out.tsv", 1,
        "retort manifest csv: a.csv:2: split \"later\": write train, valid or test, or make new "
        "ones with --split 70/10/20\n");
    put("a.csv", "id,text,label,k\nx,a,b,c\n");
    refused(
        "manifest csv a.csv --label k -o out.tsv", 1,
        "retort manifest csv: a.csv:1: two columns would be called \"label\": rename column 3\n");
    put("a.csv", "id,text,\nx,a,b\n");
    refused("manifest csv a.csv -o out.tsv", 1,
            "retort manifest csv: a.csv:1: column 3 has no name: name it or remove it\n");
    put("a.csv", "id,text,split,group\nx,a,train,g\ny,b,test,g\n");
    refused("manifest csv a.csv -o out.tsv", 1,
            "retort manifest csv: nothing written: out.tsv:3: column group: \"g\" is in split test "
            "here and in train in line 2: a group must not cross splits\n");
    put("a.csv", "id,text\nx,\"a\n");
    assert_int_equal(run("manifest csv a.csv -o out.tsv"), 1);
    assert_int_equal(access("out.tsv", F_OK), -1);
}

static void folders_become_classes(void **state)
{
    (void)state;
    put("tree/cat/a.wav", "");
    put("tree/cat/deep/b.FLAC", "");
    put("tree/dog/a.wav", "");
    put("tree/dog/.hidden.wav", "");
    put("tree/dog/notes.doc", "");
    put("tree/top.wav", "");
    made("manifest folders tree -o out.tsv --split none",
         "out.tsv: 3 rows\nleft out: 1 files that are not speech, 1 outside of a class folder\n");
    assert_int_equal(rt_manifest_columns(m), 3);
    assert_string_equal(rt_manifest_cell(m, 0, 0), "cat/a.wav");
    assert_string_equal(cell("cat/deep/b.FLAC", "label"), "cat");
    assert_string_equal(cell("cat/deep/b.FLAC", "speech"), "tree/cat/deep/b.FLAC");
    assert_string_equal(cell("dog/a.wav", "label"), "dog");
    put("words/x/a.txt", "caf\xC3\xA9\tau\nlait\n\n");
    put("words/x/b.txt", "\n");
    made("manifest folders words/ -o out.tsv", "out.tsv: 2 rows, train 1, valid 1, test 0\n");
    assert_string_equal(cell("x/a.txt", "text"), "caf\xC3\xA9\tau\nlait");
    assert_string_equal(cell("x/b.txt", "text"), "");
}

static void tables_keep_what_they_have(void **state)
{
    (void)state;
    put("sub/wav/1.wav", "");
    put("data/a.csv", "Name;Klass;File;Text words;split;note\n"
                      "b;\"x;y\";wav/1.wav;\"two\nlines\";Validation;n\n"
                      "a;;wav/2.wav;;training;\n"
                      "c;z;;back\\slash;test;\n");
    put("out.tsv", "old"); /* is replaced */
    assert_int_equal(run("manifest csv data/a.csv --id Name --label Klass --speech File --root sub "
                         "-o out.tsv"),
                     0);
    assert_memory_equal(said, "out.tsv: 3 rows, train 1, valid 1, test 1\n", 42);
    assert_non_null(strstr(said, "1 of 2 files do not exist, such as /"));
    assert_non_null(strstr(said, "/sub/wav/2.wav\n"));
    assert_int_equal(rt_manifest_load(&m, "out.tsv", &e), 0);
    static const char *const columns[] = {"id", "split", "label", "speech", "Text words", "note"};
    for (int c = 0; c < 6; c++)
        assert_string_equal(rt_manifest_column_name(m, c), columns[c]);
    assert_string_equal(rt_manifest_cell(m, 0, 0), "a");
    assert_string_equal(cell("b", "label"), "x;y");
    assert_string_equal(cell("b", "Text words"), "two\nlines");
    assert_string_equal(cell("b", "speech"), "sub/wav/1.wav");
    assert_string_equal(cell("c", "Text words"), "back\\slash");
    assert_string_equal(cell("c", "speech"), "");
}

static void splits_are_taken_or_made(void **state)
{
    (void)state;
    put("data/b.tsv", "id\tvoice\tlang\tsplit\n1\t../sub/wav/1.wav\tde\ttrain\n2\t\tfr\tdev\n");
    made("manifest csv data/b.tsv --speech voice -o out.tsv",
         "out.tsv: 2 rows, train 1, valid 1, test 0\n");
    assert_string_equal(cell("1", "speech"), "sub/wav/1.wav");
    assert_string_equal(cell("2", "speech"), "");
    assert_string_equal(cell("2", "lang"), "fr");
    assert_string_equal(cell("2", "split"), "valid");
    made("manifest csv data/b.tsv --speech voice --split 1/0/0 -o out.tsv",
         "out.tsv: 2 rows, train 2, valid 0, test 0\n");
    assert_int_equal(rt_manifest_columns(m), 4);
    made("manifest csv data/b.tsv --speech voice --split lang --split none -o out.tsv",
         "out.tsv: 2 rows, train 1, valid 1, test 0\n");
}

static void voxceleb_is_read_by_its_layout(void **state)
{
    (void)state;
    put("vox/wav/id00002/vidA/00001.wav", "");
    put("vox/wav/id00001/vidB/00002.wav", "");
    put("vox/wav/id00001/vidB/00001.wav", "");
    put("vox/wav/id00001/vidB/deep/00001.wav", "");
    put("vox/wav/ix00001/vidB/00001.wav", "");
    made("manifest voxceleb vox -o out.tsv --split none",
         "out.tsv: 3 rows\nleft out: 2 files that are not at wav/idNNNNN/VIDEO/UTT.wav\n");
    assert_string_equal(rt_manifest_cell(m, 0, 0), "id00001/vidB/00001.wav");
    assert_string_equal(cell("id00001/vidB/00002.wav", "label"), "id00001");
    assert_string_equal(cell("id00001/vidB/00002.wav", "group"), "id00001/vidB");
    assert_string_equal(cell("id00001/vidB/00002.wav", "speech"), "vox/wav/id00001/vidB/00002.wav");
}

/* 3 labels of 100, 40 and 10 rows, in groups of up to 4. */
static void many_rows(const char *path, int backwards)
{
    char *text;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    fprintf(f, "id,text,label,group\n");
    for (int k = 0; k < 150; k++) {
        int i = backwards ? 149 - k : k;
        const char *label = i < 100 ? "a" : i < 140 ? "b" : "c";
        fprintf(f, "r%d,t,%s,%s%d\n", i, label, i % 3 ? "g" : "", i % 3 ? i / 4 : 0);
    }
    fclose(f);
    char *zero;
    while ((zero = strstr(text, ",0\n"))) /* no group */
        memmove(zero + 1, zero + 2, strlen(zero + 2) + 1);
    put(path, text);
    free(text);
}

static int count(const char *label, const char *split)
{
    int n = 0;
    for (int row = 0; row < rt_manifest_rows(m); row++)
        n += !strcmp(rt_manifest_cell(m, row, rt_manifest_column(m, "label")), label) &&
             !strcmp(rt_manifest_cell(m, row, rt_manifest_column(m, "split")), split);
    return n;
}

static char *slurp(void)
{
    uint8_t *bytes;
    size_t size;
    assert_int_equal(rt_file_read("out.tsv", 1 << 20, &bytes, &size, &e), 0);
    return (char *)bytes;
}

static void splits_are_stratified_and_repeatable(void **state)
{
    (void)state;
    many_rows("many.csv", 0);
    many_rows("back.csv", 1);
    assert_int_equal(run("manifest csv many.csv -o out.tsv"), 0);
    assert_int_equal(rt_manifest_load(&m, "out.tsv", &e), 0); /* refuses groups that cross splits */
    static const struct {
        const char *label;
        int rows;
    } labels[] = {{"a", 100}, {"b", 40}, {"c", 10}};
    for (size_t i = 0; i < 3; i++) { /* as near as groups of 3 allow */
        assert_in_range(count(labels[i].label, "train"), labels[i].rows * 7 / 10 - 3,
                        labels[i].rows * 7 / 10 + 3);
        assert_in_range(count(labels[i].label, "test"), labels[i].rows * 2 / 10 - (i < 2 ? 3 : 2),
                        labels[i].rows * 2 / 10 + 3);
    }
    char *first = slurp();
    assert_int_equal(run("manifest csv back.csv -o out.tsv"), 0);
    char *again = slurp();
    assert_string_equal(first, again); /* the order of rows does not matter */
    assert_int_equal(run("manifest csv back.csv -o out.tsv --seed 2"), 0);
    char *other = slurp();
    assert_string_not_equal(first, other);
    free(first);
    free(again);
    free(other);
}

static int enter(void **state)
{
    (void)state;
    return mkdtemp(top) ? chdir(top) : -1;
}

static int forget(void **state)
{
    (void)state;
    unlink("out.tsv");
    rt_manifest_destroy(m);
    m = NULL;
    return 0;
}

static int leave(void **state)
{
    (void)state;
    char line[100];
    snprintf(line, sizeof line, "rm -r '%s'", top);
    return chdir("/") || system(line);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, NULL, forget)
    const struct CMUnitTest tests[] = {
        TEST(wrong_usage_is_refused),
        TEST(help_is_given),
        TEST(wrong_folders_are_refused),
        TEST(wrong_tables_are_refused),
        TEST(folders_become_classes),
        TEST(tables_keep_what_they_have),
        TEST(splits_are_taken_or_made),
        TEST(voxceleb_is_read_by_its_layout),
        TEST(splits_are_stratified_and_repeatable),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
