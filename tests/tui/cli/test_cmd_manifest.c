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
            "retort manifest: write what to make it from: folders, pairs, csv, kaldi, jsonl, webdataset or "
            "voxceleb; see retort manifest --help\n");
    refused("manifest folder x -o out.tsv", 2,
            "retort manifest: folder is no kind of source: write folders, pairs, csv, kaldi, jsonl, webdataset "
            "or voxceleb; did you mean folders?; see retort manifest --help\n");
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
                                        "manifest csv -h", "manifest voxceleb --help",
                                        "manifest pairs -h", "manifest kaldi -h"};
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
         "out.tsv: 3 rows\nleft out: 1 file of another kind than speech, 1 outside of a class folder\n");
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

static void names_join_files(void **state)
{
    (void)state;
    put("pic/cat/1.png", "");
    put("pic/cat/2.jpg", "");
    put("pic/dog/1.png", "");
    put("pic/notes.doc", "");
    put("say/cat/1.txt", "a cat\n");
    put("say/dog/1.txt", "a dog");
    put("say/dog/9.txt", "no picture");
    made("manifest pairs pic say -o out.tsv --split none",
         "out.tsv: 4 rows\nleft out: 1 files that are no recording, picture or text\n");
    assert_string_equal(cell("cat/1", "text"), "a cat");
    assert_string_equal(cell("cat/1", "image"), "pic/cat/1.png");
    assert_string_equal(cell("cat/2", "text"), "");
    assert_string_equal(cell("dog/9", "image"), "");
    assert_string_equal(cell("dog/9", "label"), "dog");
    put("flat/cat-1.txt", "by name");
    put("deep/cat/cat-1.png", "");
    made("manifest pairs flat deep -o out.tsv --split none", "out.tsv: 1 rows\n");
    assert_string_equal(cell("cat-1", "label"), "cat"); /* names find each other where paths do not */
    assert_string_equal(cell("cat-1", "text"), "by name");
    unlink("out.tsv");
    refused("manifest pairs pic -o out.tsv", 1, "retort manifest pairs: pic: no two files of different kinds have one "
            "name, such as cat/1.png and cat/1.txt; `retort manifest folders --modality M` takes those of one kind\n");
    put("pic/cat/1.jpg", "");
    assert_int_equal(run("manifest pairs pic say -o out.tsv"), 1);
    assert_non_null(strstr(said, "/pic/cat/1.png have one name and are of one kind, so which of them a pair is "
                           "made of is open: rename one\n"));
    unlink("pic/cat/1.jpg");
    put("odd/dog/cat-1.txt", "");
    assert_int_equal(run("manifest pairs odd deep -o out.tsv"), 1);
    assert_non_null(strstr(said, " have one name but lie in folders of two classes: rename one\n"));
    assert_int_equal(access("out.tsv", F_OK), -1);
}

static void kaldi_lists_are_read(void **state)
{
    (void)state;
    put("wavs/b.wav", "");
    put("kd/wav.scp", "utt2  wavs/b.wav\r\n\nutt1\twavs/none.wav\n");
    put("kd/utt2spk", "utt1 anna\nutt2 ben\n");
    put("kd/text", "utt2 two words\n");
    assert_int_equal(run("manifest kaldi kd -o out.tsv --split none"), 0);
    assert_non_null(strstr(said, "out.tsv: 2 rows\n1 of 2 files do not exist, such as /"));
    assert_int_equal(rt_manifest_load(&m, "out.tsv", &e), 0);
    assert_string_equal(cell("utt2", "speech"), "wavs/b.wav");
    assert_string_equal(cell("utt2", "text"), "two words");
    assert_string_equal(cell("utt1", "label"), "anna");
    assert_string_equal(cell("utt1", "text"), "");
    unlink("out.tsv");
    put("kd/wav.scp", "utt1 sph2pipe -f wav x.sph |\n");
    refused("manifest kaldi kd -o out.tsv", 2,
            "retort manifest kaldi: kd/wav.scp:1: a command instead of a file, and it "
            "runs 'sph2pipe': allow it with --allow sph2pipe; see retort manifest kaldi --help\n");
    put("kd/wav.scp", "utt1\n");
    refused("manifest kaldi kd -o out.tsv", 1, "retort manifest kaldi: kd/wav.scp:1: \"utt1\" has no path\n");
    put("kd/wav.scp", "utt1 a\nutt1 wavs/b.wav\n");
    refused("manifest kaldi kd -o out.tsv", 1, "retort manifest kaldi: kd/wav.scp:2: \"utt1\" is already in line "
            "1\n");
    put("kd/wav.scp", "rec wavs/b.wav\n");
    put("kd/segments", "utt1 rec 1.5 2\nutt2 rec 2 1\n");
    refused("manifest kaldi kd -o out.tsv", 1,
            "retort manifest kaldi: kd/segments:2: from 2 to 1 s: a segment starts at 0 "
            "or later and ends behind its start (-1: at the recording's end)\n");
    refused("manifest kaldi wavs -o out.tsv", 1, "retort manifest kaldi: wavs/wav.scp: there is no such file: a data "
            "folder of Kaldi has one\n");
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

static void near_equal_labels_are_named(void **state)
{
    (void)state;
    put("data/c.tsv", "id\twords\tclass\n1\ta\tcat\n2\tb\tcat\n3\tc\tCat\n4\td\tdog\n");
    made("manifest csv data/c.tsv --text words --label class --split none -o out.tsv",
         "out.tsv: 4 rows\n"
         "labels that are near-equal are classes of their own: \"Cat\" (1 row), \"cat\" (2 rows)\n");
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

/* Four people of two videos with two recordings each, beside each other in the ways in which copies are unpacked. */
static void vox_make(void)
{
    static const char *const folders[] = {"v/dev/wav/id10001", "v/dev/wav/id10002", "v/test/wav/id10003",
                                          "v/wav/id00004"};
    for (size_t p = 0; p < 4; p++)
        for (int i = 0; i < 4; i++) {
            char path[100];
            snprintf(path, sizeof path, "%s/-vid%c_/%05d.wav", folders[p], i < 2 ? 'A' : 'B', i);
            put(path, "");
        }
    put("names.csv", "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\nid10001\tA.J._Smith\tm\tUK\tdev\n"
                     "id10002\tJos\303\251_Jr.\tm\tUSA\tdev\nid10003\tTess_T.\tf\tIreland\ttest\n");
    put("more.csv", "\xEF\xBB\xBFVoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set\nid00004 ,n000004 ,f ,dev\n");
    put("O", "1 id10003/-vidA_/00000.wav id10003/-vidB_/00002.wav\n0 id10003/-vidA_/00000.wav "
            "id00004/-vidA_/00001.wav\n");
    put("f/A.J._Smith/1.6/-vidA_/0000025.jpg", "");
    put("f/A.J._Smith/1.6/-vidA_/0000050.jpg", "");
    put("f/A.J._Smith/1.6/-vidA_/0000075.jpg", "");
    put("f/A.J._Smith/1.6/other/0000025.jpg", "");
    put("f/A.J._Smith/1.6/-vidA_/note.txt", "");
    put("f/Nobody/1.6/-vidA_/0000025.jpg", "");
    put("f/Jos\303\251_Jr/1.6/-vidB_/1.jpg", "");
    put("f/id10003/-vidA_/1.png", "");
    put("f/n000004/-vidA_/00001/9.jpg", "");
    put("f/n000004/-vidA_/00001/8.jpg", "");
    put("f/n000004/-vidA_/7.jpg", "");
}

static void wrong_voxceleb_is_refused(void **state)
{
    (void)state;
    vox_make();
    put("twice/a/id00012/vid/00001.wav", "");
    put("twice/b/id00012/vid/00001.m4a", "");
    assert_int_equal(run("manifest voxceleb twice -o out.tsv"), 1);
    assert_non_null(strstr(said, "twice: recording id00012/vid/00001.wav is there twice, as /"));
    assert_non_null(strstr(said, "/twice/a/id00012/vid/00001.wav and /"));
    refused("manifest voxceleb v -o out.tsv --names names.csv", 2, "retort manifest voxceleb: --names is of use "
            "with --faces DIR only; see retort manifest voxceleb --help\n");
    refused("manifest voxceleb v -o out.tsv --faces f/Nobody", 1, "retort manifest voxceleb: f/Nobody: no person "
            "of the recordings in it (such as 1.6/-vidA_/0000025.jpg): if its folders are names, give the table of "
            "names with --names vox1_meta.csv\n");
    refused("manifest voxceleb v -o out.tsv --faces f/Nobody --names names.csv", 1, "retort manifest voxceleb: "
            "f/Nobody: no person of the recordings in it, neither by id nor by a name of the table, such as "
            "1.6/-vidA_/0000025.jpg\n");
    put("g/id10001/elsewhere/1.jpg", "");
    refused("manifest voxceleb v -o out.tsv --faces g", 1, "retort manifest voxceleb: g: no picture at "
            "PERSON/VIDEO/PICTURE.jpg of a video that has a recording (1 pictures are of other videos)\n");
    put("bad.csv", "VoxCeleb1 ID\tVGGFace1 ID\nid10001\tA\nB\tid10002\n");
    refused("manifest voxceleb v -o out.tsv --faces f --names bad.csv", 1, "retort manifest voxceleb: bad.csv:3: "
            "\"B\": write idNNNNN and the person's name in the first two columns, as in vox1_meta.csv\n");
    put("bad.csv", "id10001\tA\nid10002\tA.\n");
    refused("manifest voxceleb v -o out.tsv --faces f --names bad.csv", 1, "retort manifest voxceleb: bad.csv:2: "
            "the name A of id10002 is that of id10001, too (bad.csv:1)\n");
    refused("manifest voxceleb v -o out.tsv --faces f --names none.csv", 1,
            "retort manifest voxceleb: cannot read none.csv: No such file or directory\n");
}

static void wrong_trials_are_refused(void **state)
{
    (void)state;
    vox_make();
    put("bad", "1 id10003/-vidA_/00000.wav id10003/-vidB_/00002.wav\n\n0 id10003/-vidA_/00000.wav "
            "id10009/-vidA_/00001.wav\n");
    refused("manifest voxceleb v -o out.tsv --trials O --trials bad", 1, "retort manifest voxceleb: bad:3: "
            "'id10009/-vidA_/00001.wav' is no recording below v\n");
    put("bad", "0 id10003/-vidA_/00000.wav id10003/-vidB_/00002.wav\n");
    refused("manifest voxceleb v -o out.tsv --trials bad", 1, "retort manifest voxceleb: bad:1: 0, but "
            "id10003/-vidA_/00000.wav and id10003/-vidB_/00002.wav are of one person\n");
    put("bad", "maybe\n");
    refused("manifest voxceleb v -o out.tsv --trials bad", 1, "retort manifest voxceleb: bad:1: 'maybe': write `1 "
            "ENROL TEST` for the same speaker, `0 ENROL TEST` for two\n");
    refused("manifest voxceleb v -o out.tsv --trials O --split 1/0/0", 2, "retort manifest voxceleb: --split "
            "divides the recordings of a person, --trials holds people out: leave one of them out; see retort "
            "manifest voxceleb --help\n");
    refused("manifest voxceleb v -o out.tsv --trials O --valid-trials out --valid-people 2", 2, "retort manifest "
            "voxceleb: --valid-people 2: 2 people are in no list of trials, and at least two must be left to "
            "train; see retort manifest voxceleb --help\n");
    put("bad", "0 id10003/-vidA_/00000.wav id10001/-vidA_/00001.wav\n0 id10002/-vidA_/00000.wav "
            "id00004/-vidA_/00001.wav\n");
    refused("manifest voxceleb v -o out.tsv --trials bad", 1, "retort manifest voxceleb: v: all of its 4 people "
            "are in lists of trials: nobody is left to train\n");
    assert_int_equal(access("out", F_OK), -1);
}

static void voxceleb_is_paired_with_faces(void **state)
{
    (void)state;
    vox_make();
    made("manifest voxceleb v -o out.tsv --faces f --names names.csv --names more.csv --trials O",
         "out.tsv: 16 rows, train 8, valid 0, test 8\n8 of 16 recordings have no picture\n"
         "left out: 1 pictures of people without a recording or a name, such as Nobody/1.6/-vidA_/0000025.jpg, 1 "
         "pictures of other videos\n");
    assert_string_equal(cell("id10001/-vidA_/00000.wav", "label"), "id10001");
    assert_string_equal(cell("id10001/-vidA_/00000.wav", "split"), "train");
    assert_memory_equal(cell("id10001/-vidA_/00000.wav", "image"), "f/A.J._Smith/1.6/-vidA_/0000", 28);
    assert_string_equal(cell("id10001/-vidB_/00003.wav", "image"), "");
    assert_string_equal(cell("id10002/-vidB_/00002.wav", "image"), "f/Jos\303\251_Jr/1.6/-vidB_/1.jpg");
    assert_string_equal(cell("id10003/-vidA_/00000.wav", "image"), "f/id10003/-vidA_/1.png");
    assert_string_equal(cell("id10003/-vidA_/00000.wav", "label"), "");
    assert_string_equal(cell("id10003/-vidA_/00000.wav", "speaker"), "id10003");
    assert_string_equal(cell("id00004/-vidB_/00003.wav", "split"), "test"); /* its person is in the list */
    assert_memory_equal(cell("id00004/-vidA_/00001.wav", "image"), "f/n000004/-vidA_/00001/", 23);
    assert_string_equal(cell("id00004/-vidA_/00000.wav", "speech"), "v/wav/id00004/-vidA_/00000.wav");
}

/* Rows of a training recording with a picture each, all different; others keep one. */
static void faces_take_turns(void **state)
{
    (void)state;
    vox_make();
    made("manifest voxceleb v -o out.tsv --faces f --names names.csv --faces-each 2 --trials O",
         "out.tsv: 18 rows, train 10, valid 0, test 8\n10 of 16 recordings have no picture\n"
         "left out: 4 pictures of people without a recording or a name, such as Nobody/1.6/-vidA_/0000025.jpg, 1 "
         "pictures of other videos\n");
    for (int i = 0; i < 2; i++) {
        char id[60], other[70];
        snprintf(id, sizeof id, "id10001/-vidA_/%05d.wav", i);
        snprintf(other, sizeof other, "%s#2", id);
        assert_string_equal(cell(id, "speech"), cell(other, "speech"));
        assert_string_equal(cell(other, "label"), "id10001");
        assert_string_not_equal(cell(id, "image"), cell(other, "image"));
    }
    assert_int_equal(rt_manifest_find(m, "id10002/-vidB_/00002.wav#2"), -1); /* its video has one picture */
    assert_int_equal(rt_manifest_find(m, "id10003/-vidA_/00000.wav#2"), -1); /* not trained on */
}

/* Trials between people who are in no list and in no training row, of two videos each, every pair once. */
static void valid_trials_are_of_strangers(void **state)
{
    (void)state;
    vox_make();
    put("O", "1 id10003/-vidA_/00000.wav id10003/-vidA_/00001.wav\n");
    for (int i = 0; i < 8; i++) {
        char path[100];
        snprintf(path, sizeof path, "v/dev/wav/id1100%d/vid%c/00001.wav", i / 2, i % 2 ? 'A' : 'B');
        put(path, "");
    }
    assert_int_equal(run("manifest voxceleb v -o out.tsv --trials O --valid-trials pairs --valid-people 3"), 0);
    assert_int_equal(rt_manifest_load(&m, "out.tsv", &e), 0);
    uint8_t *bytes;
    size_t size, kinds[2] = {0, 0}, lines = 0;
    char *line[200], *save;
    assert_int_equal(rt_file_read("pairs", 1 << 20, &bytes, &size, &e), 0);
    for (char *at = strtok_r((char *)bytes, "\n", &save); at && lines < 200; at = strtok_r(NULL, "\n", &save))
        line[lines++] = at;
    assert_in_range(lines, 4, 199);
    for (size_t i = 0; i < lines; i++) {
        char a[100], b[100];
        int same;
        assert_int_equal(sscanf(line[i], "%d %99s %99s", &same, a, b), 3);
        kinds[same]++;
        assert_string_equal(cell(a, "split"), "valid");
        assert_string_equal(cell(b, "split"), "valid");
        assert_string_equal(cell(a, "label"), "");
        assert_int_equal(!strcmp(cell(a, "speaker"), cell(b, "speaker")), same);
        assert_string_not_equal(cell(a, "group"), cell(b, "group"));
        char again[220];
        snprintf(again, sizeof again, "%d %s %s", same, b, a);
        for (size_t k = 0; k < lines; k++)
            assert_false((k != i && !strcmp(line[k], line[i])) || !strcmp(line[k], again));
    }
    assert_true(kinds[0] && kinds[1]);
    free(bytes);
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

/* Eight of a class, of which a tenth is less than one: still one is valid. */
static void small_classes_have_every_split(void **state)
{
    char text[600] = "id,text,label\n";
    (void)state;
    for (int i = 0; i < 17; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "r%d,x,%c\n", i, "aabbc"[i / 4]);
    put("eight.csv", text);
    assert_int_equal(run("manifest csv eight.csv -o out.tsv"), 0);
    assert_int_equal(rt_manifest_load(&m, "out.tsv", &e), 0);
    for (const char *label = "a"; *label; label = *label == 'a' ? "b" : "")
        assert_true(count(label, "train") == 5 && count(label, "valid") == 1 && count(label, "test") == 2);
    assert_int_equal(count("c", "valid"), 0);
    rt_manifest_destroy(m);
    m = NULL;
    assert_int_equal(run("manifest csv eight.csv -o out.tsv --split 0/1/99"), 0);
    assert_int_equal(rt_manifest_load(&m, "out.tsv", &e), 0);
    assert_int_equal(count("a", "train") + count("b", "train") + count("c", "train"), 0);
    rt_manifest_destroy(m);
    m = NULL;
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
        TEST(names_join_files),
        TEST(kaldi_lists_are_read),
        TEST(tables_keep_what_they_have),
        TEST(splits_are_taken_or_made),
        TEST(near_equal_labels_are_named),
        TEST(voxceleb_is_read_by_its_layout),
        TEST(wrong_voxceleb_is_refused),
        TEST(wrong_trials_are_refused),
        TEST(voxceleb_is_paired_with_faces),
        TEST(faces_take_turns),
        TEST(valid_trials_are_of_strangers),
        TEST(splits_are_stratified_and_repeatable),
        TEST(small_classes_have_every_split),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
