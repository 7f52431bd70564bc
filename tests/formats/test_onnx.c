/* SPDX-License-Identifier: MIT
 * Tests of onnx.h: a table of refused files, every element type raw and typed, external data and its
 * confinement, order of nodes, what the writer writes, and that damage ends in an error. */
#include "formats/onnx.h"
#include "formats/file.h"
#include "tests/formats/onnx_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/retort-onnx-XXXXXX";

/* Parts of small models in the notation of onnx_wire.h. */
#define HEAD "1=7 8{2=13} "
#define IN "11{1'x' 2{1{1=1 2{1{2'batch'}1{1=2}}}}} "
#define OUT "12{1'y' 2{1{1=1}}} "
#define RELU "1{1'x'2'y'3'r'4'Relu'} "

static int parse(struct rt_onnx **o, const char *text, const char *where, struct rt_error *e)
{
    uint8_t *bytes = malloc(20 * strlen(text) + 100), *exact;
    size_t size = wire_message(bytes, &text);
    exact = malloc(size + 1); /* so that a sanitizer sees reads beyond */
    memcpy(exact, bytes, size);
    int rc = rt_onnx_parse(o, exact, size, "m.onnx", where, e);
    free(bytes);
    free(exact);
    return rc;
}

static void wrong_files_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *words;
    } list[] = {
        {"", RT_EFORMAT, "no graph"},
        {HEAD, RT_EFORMAT, "no graph"},
        {"7{}", RT_EMISMATCH, "IR version 0"},
        {"1=2 8{2=13} 7{}", RT_EMISMATCH, "IR version 2; 3 to 13"},
        {"1=14 8{2=13} 7{}", RT_EMISMATCH, "IR version 14"},
        {"1=7 7{}", RT_EMISMATCH, "opset 0; 7 to 21"},
        {"1=7 8{2=6} 7{}", RT_EMISMATCH, "opset 6"},
        {"1=7 8{2=22} 7{}", RT_EMISMATCH, "opset 22"},
        {"1=7 8{2=13} 8{2=13} 7{}", RT_EFORMAT, "twice"},
        {"1=7 8{1'ml'2=13} 7{}", RT_EMISMATCH, "opset 0"},
        {HEAD "25{} 7{}", RT_EFORMAT, "function 0 has no name"},
        {HEAD "25{1'f'9{2=6}} 7{}", RT_EMISMATCH, "function 'f': opset 6; 7 to 21"},
        {HEAD "25{1'f'10'd'11#0a} 7{}", RT_EFORMAT, "function 'f': an attribute's default"},
        {HEAD "25{1'f'10'd'4'a'5'b'7{1'a'2'b'4'Relu'}} 7{1{1'x'1'x'2'y'3'c'4'f'7'd'}" IN OUT "}", RT_EFORMAT,
         "node 'c' calls function 'f' with 2 inputs and 1 outputs, which has 1 and 1"},
        {HEAD "25{1'f'10'd'4'a'5'b'7{1'a'2'b'4'f'7'd'}} 7{1{1'x'2'y'3'c'4'f'7'd'}" IN OUT "}", RT_EFORMAT,
         "function 'f' lies 32 calls deep: it calls itself"},
        {HEAD "25{1'f'10'd'4'a'5'b'7{1'a'2'b'4'f'7'e'}} 7{1{1'x'2'y'3'c'4'f'7'd'}" IN OUT "}", RT_EMISMATCH,
         "ops of domain 'e' are unknown here, and the file has no function"},
        {HEAD "25{1'f'10'd'4'a'5'b'7{1'a'2'b'4'Elu'5{1'alpha'20=1 21'slope'}}}"
         "7{1{1'x'2'y'4'f'7'd'5{1'slope'20=2 3=1}}" IN OUT "}", RT_EFORMAT, "attribute 'alpha' is of another type"},
        {HEAD "7{1{1'x'2'y'4'Elu'5{1'alpha'20=1 21'slope'}}" IN OUT "}", RT_EFORMAT,
         "refers to 'slope', but no function"},
        {HEAD "25{1'f'10'd'4'a'5'b'7{1'a'2'b'4'Relu'}} 7{1{1'x'3'c'4'f'7'd'}" IN OUT "}", RT_EFORMAT,
         "node 'c' (f) makes nothing"},
        {HEAD "7{1{1'x'2'y'4'FusedConv'7'com.microsoft'}" IN OUT "}", RT_EMISMATCH, "optimised or quantised for ONNX"},
        {HEAD "7{}", RT_EFORMAT, "no output"},
        {HEAD "7{} 7{}", RT_EFORMAT, "stands twice"},
        {HEAD "7{" OUT "}", RT_EFORMAT, "output 'y' is made by nothing"},
        {HEAD "7{" RELU OUT "}", RT_EFORMAT, "node 'r' (Relu, opset 13): input 0 'x' is no"},
        {HEAD "7{1{1'x'2'y'4'Foo'7'com.x'}" IN OUT "}", RT_EMISMATCH,
         "node 'y' (Foo, opset 13): ops of domain 'com.x'"},
        {HEAD "7{1{1'x'2'y'3'r'}" IN OUT "}", RT_EFORMAT, "has no op"},
        {HEAD "7{1{1'x'3'r'4'Relu'}" IN OUT "}", RT_EFORMAT, "makes nothing"},
        {HEAD "7{" RELU RELU IN OUT "}", RT_EFORMAT, "'y' is made twice"},
        {HEAD "7{" RELU "1{2'x'4'Constant'}" IN OUT "}", RT_EFORMAT, "'x' is made twice"},
        {HEAD "7{" RELU IN IN OUT "}", RT_EFORMAT, "'x' is made twice"},
        {HEAD "7{1{1'y'2'y'3'r'4'Relu'}" OUT "}", RT_EFORMAT, "(Relu, opset 13) reads 'y'"},
        {HEAD "7{1{1'x'1'b'2'a'4'Add'}1{1'a'2'b'4'Relu'}1{1'b'2'y'4'Relu'}" IN OUT "}", RT_EFORMAT,
         "cyclic"},
        {HEAD "7{1{1'x'2'y'3'r'4'If'5{1'then'20=11}}" IN OUT "}", RT_EMISMATCH,
         "node 'r' (If, opset 13): attribute 'then': neither"},
        {HEAD "7{1{1'x'2'y'3'r'4'If'5{1'then'20=5}}" IN OUT "}", RT_EFORMAT, "attribute 'then': no graph"},
        {HEAD "7{1{1'x'2'y'3'r'4'If'5{1'then'20=5 6{}}}" IN OUT "}", RT_EFORMAT, "no output"},
        {HEAD "7{1{1'x'2'y'3'r'4'If'5{1'then'20=5 6{1{1'z'2'o'4'Relu'}12{1'o'}}}}" IN OUT "}", RT_EFORMAT,
         "a graph in it reads 'z'"},
        {HEAD "7{1{1'x'2'y'3'r'4'If'5{1'then'20=5 6{1{1'y'2'o'4'Relu'}12{1'o'}}}}" IN OUT "}", RT_EFORMAT, "cyclic"},
        {HEAD "7{1{1'x'2'y'3'r'4'If'5{1'then'20=5 6{1{1'x'2'o'4'Relu'}1{1'x'2'o'4'Relu'}12{1'o'}}}}" IN OUT "}",
         RT_EFORMAT, "'o' is made twice"},
        {HEAD "7{1{1'x'2'y'3'r'4'Relu'5{1'a'3=1}}" IN OUT "}", RT_EMISMATCH, "attribute 'a'"},
        {HEAD "7{1{1'x'2'y'3'r'4'Relu'5{1'a'20=2}5{1'a'20=2}}" IN OUT "}", RT_EFORMAT,
         "attribute 'a' stands twice"},
        {HEAD "7{1{1'x'2'y'3'r'4'Relu'5{1'a'20=3 4#61ff}}" IN OUT "}", RT_EFORMAT, "not UTF-8"},
        {HEAD "7{1{1'x'2'y'3'r'4'Relu'5{1'a'20=4}}" IN OUT "}", RT_EFORMAT, "no tensor"},
        {HEAD "7{1{1'x'2'y'3'r'4'Relu'5{1'a'20=4 5{2=8}}}" IN OUT "}", RT_EMISMATCH,
         "attribute 'a': elements of STRING are not read"},
        {HEAD "7{1{1'x'2'y'3#72ff 4'Relu'}" IN OUT "}", RT_EFORMAT, "not UTF-8"},
        {HEAD "7{1{1'x'2'y'3#7200 4'Relu'}" IN OUT "}", RT_EFORMAT, "not UTF-8"},
        {HEAD "7{" RELU "11{1'x'2{4{}}}" OUT "}", RT_EMISMATCH, "input 'x' is no tensor"},
        {HEAD "7{" RELU "11{1'x'2{1{1=8}}}" OUT "}", RT_EMISMATCH, "STRING"},
        {HEAD "7{" RELU "11{1'x'2{1{1=99}}}" OUT "}", RT_EMISMATCH, "type 99"},
        {HEAD "7{" RELU "11{1'x'2{1{1=1 2{1{}1{}1{}1{}1{}1{}1{}}}}}" OUT "}", RT_ELARGE,
         "7 dimensions"},
        {HEAD "7{" RELU "11{1'x'2{1{1=1}4{}}}" OUT "}", RT_EFORMAT, "twice"},
        {HEAD "14{1'k'2'v'}14{1'k'2'w'}7{" RELU IN OUT "}", RT_EFORMAT, "'k' stands twice"},
        {HEAD "7{15{}" RELU IN OUT "}", RT_EMISMATCH, "sparse"},
        {HEAD "7{5{1=2 2=1 8'x'9#00000000}" RELU OUT "}", RT_EFORMAT,
         "initialiser 'x': has 4 bytes, its shape needs 8"},
        {HEAD "7{5{1=2 2=1 8'x'4~1}" RELU OUT "}", RT_EFORMAT, "has 1 elements"},
        {HEAD "7{5{1=1 2=1 8'x'4~1 9#00000000}" RELU OUT "}", RT_EFORMAT, "raw and typed"},
        {HEAD "7{5{1=-1 2=1 8'x'}" RELU OUT "}", RT_ERANGE, "negative"},
        {HEAD "7{5{1=4611686018427387904 1=4 2=1 8'x'}" RELU OUT "}", RT_ELARGE, "too large"},
        {HEAD "7{5{1=1 1=1 1=1 1=1 1=1 1=1 1=1 2=1 8'x'}" RELU OUT "}", RT_ELARGE, "7 dimensions"},
        {HEAD "7{5{1=0 8'x'}" RELU OUT "}", RT_EMISMATCH, "type 0"},
        {HEAD "7{5{1=0 2=1 3{1=0 2=1}8'x'}" RELU OUT "}", RT_EMISMATCH, "segments"},
        {HEAD "7{5{1=1 2=3 5=128 8'x'}" RELU OUT "}", RT_EFORMAT, "is 128, beyond INT8"},
        {HEAD "7{5{1=1 2=9 5=2 8'x'}" RELU OUT "}", RT_EFORMAT, "is 2, beyond BOOL"},
        {HEAD "7{5{1=1 2=12 11=4294967296 8'x'}" RELU OUT "}", RT_EFORMAT, "beyond UINT32"},
        {HEAD "7{5{2=1 9#00000000}" RELU OUT "}", RT_EFORMAT, "no name"},
        {HEAD "7{5{1=1 2=1 8'x'14=1 13{1'location'2'w'}}" RELU OUT "}", RT_EFORMAT,
         "cannot be read from here"},
        {HEAD "7=1", RT_EFORMAT, "wrong kind"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct rt_onnx *o;
        struct rt_error e = {0};
        int rc = parse(&o, list[i].text, NULL, &e);
        if (rc != list[i].code || !strstr(e.text, list[i].words))
            fail_msg("%s: gave %d \"%s\", wanted %d \"%s\"", list[i].text, rc, e.text, list[i].code,
                     list[i].words);
        assert_null(o);
        assert_memory_equal(e.text, "m.onnx: ", 8);
    }
}

static void wrong_bytes_are_refused_where_they_stand(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *words;
    } list[] = {
        {"\x80", 1, "byte 0: no field"},          {"\x00", 1, "byte 0: no field"},
        {"\x08", 1, "byte 0: a number is cut"},   {"\x3a\x05", 2, "byte 0: a field ends beyond"},
        {"\x3b", 1, "byte 0: a field of unknown"}, {"\x08\x07\x3d\x01", 4, "byte 2: a field ends"},
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, "a number is cut or too long"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct rt_onnx *o;
        struct rt_error e = {0};
        assert_int_equal(rt_onnx_parse(&o, list[i].bytes, list[i].size, "m", NULL, &e), RT_EFORMAT);
        assert_non_null(strstr(e.text, list[i].words));
    }
    /* Graphs inside attributes inside nodes inside graphs, deeper than a stack would bear. */
    char text[4000] = HEAD "7{", *at = text + strlen(text);
    for (int i = 0; i < 100; i++)
        at = stpcpy(at, "1{5{6{");
    for (int i = 0; i < 100; i++)
        at = stpcpy(at, "}}}");
    strcpy(at, "}");
    struct rt_onnx *o;
    struct rt_error e = {0};
    assert_int_equal(parse(&o, text, NULL, &e), RT_EFORMAT);
    assert_non_null(strstr(e.text, "too deep"));
}

static void a_model_is_read_as_it_stands(void **state)
{
    (void)state;
    struct rt_onnx *o;
    struct rt_error e = {0};
    const char *text =
        HEAD "2'torch'3'1.13'14{1'k'2'v'}7{2'g'"
             "1{1'a'1''1'w'2'y'3'last'4'Add'}" /* before what it reads: sorted behind it */
             "1{1'x'2'a'2''4'Conv'5{1'f'20=1 2~0.5}5{1'i'20=2 3=-7}5{1's'20=3 4'same'}"
             "5{1'is'20=7 8=1 8=-2}5{1'fs'20=6 7~1 7~2}5{1'ss'20=8 9'p'9''}"
             "5{1't'20=4 5{1=1 2=7 7=-9}}}"
             "5{2=1 8'w'4~2.5}" IN "11{1'w'2{1{1=1}}}" OUT "}";
    assert_int_equal(parse(&o, text, NULL, &e), 0);
    assert_int_equal(o->opset, 13);
    assert_int_equal(o->ir, 7);
    assert_string_equal(o->producer, "torch");
    assert_string_equal(o->graph, "g");
    assert_string_equal(rt_onnx_text(o, "k"), "v");
    assert_null(rt_onnx_text(o, "v"));
    assert_int_equal(o->nodes, 2);
    const struct rt_onnx_node *n = &o->node[0];
    assert_string_equal(n->op, "Conv");
    assert_string_equal(o->node[1].name, "last");
    assert_string_equal(o->node[1].input[1], "");
    assert_int_equal(n->outputs, 2);
    assert_true(rt_onnx_attr(n, "f")->kind == RT_ONNX_FLOAT && rt_onnx_attr(n, "f")->f == 0.5f);
    assert_true(rt_onnx_attr(n, "i")->kind == RT_ONNX_INT && rt_onnx_attr(n, "i")->i == -7);
    assert_string_equal(rt_onnx_attr(n, "s")->s, "same");
    assert_int_equal(rt_onnx_attr(n, "is")->count, 2);
    assert_int_equal(rt_onnx_attr(n, "is")->ints[1], -2);
    assert_true(rt_onnx_attr(n, "fs")->floats[1] == 2);
    assert_string_equal(rt_onnx_attr(n, "ss")->strings[0], "p");
    assert_string_equal(rt_onnx_attr(n, "ss")->strings[1], "");
    assert_int_equal(((int64_t *)rt_onnx_attr(n, "t")->t.data)[0], -9);
    assert_null(rt_onnx_attr(n, "none"));
    assert_int_equal(o->inputs, 1); /* w stands among the inputs, but is an initialiser */
    assert_int_equal(o->input[0].rank, 2);
    assert_int_equal(o->input[0].dim[0], -1);
    assert_string_equal(o->input[0].symbol[0], "batch");
    assert_int_equal(o->input[0].dim[1], 2);
    assert_int_equal(o->output[0].rank, -1);
    const struct rt_tensor *w = rt_onnx_initializer(o, "w");
    assert_true(w && w->rank == 0 && *(float *)w->data == 2.5f);
    assert_null(rt_onnx_initializer(o, "x"));
    rt_onnx_destroy(o);
    rt_onnx_destroy(NULL);
}

static double element(const struct rt_tensor *t, int i)
{
    switch (t->dtype) {
    case RT_F32:
        return (double)((float *)t->data)[i];
    case RT_F64:
        return ((double *)t->data)[i];
    case RT_I32:
        return ((int32_t *)t->data)[i];
    case RT_I64:
        return (double)((int64_t *)t->data)[i];
    default:
        return ((uint8_t *)t->data)[i];
    }
}

/* Two functions of one name (overloads), one calling the other: names, references to attributes through both, a
 * default, an input that is left out, and an output that is an input. */
static void functions_become_their_nodes(void **state)
{
    (void)state;
    static const char *const text =
        HEAD
        "25{1'f'10'pkg.d'9{2=18}4'a'4'b'5'r'5's'6'slope'"
        "  7{1'a'1'b'2't'3'n'4'Max'} 7{1't'2'r'3'm'4'f'7'pkg.d'8'deep'5{1'first'20=1 21'slope'}} 7{1'b'2's'4'Abs'}}"
        "25{1'f'10'pkg.d'13'deep'4'a'5'r'5'a'6'first'11{1'second'20=1 2~0.75}"
        "  7{1'a'2'h'4'HardSigmoid'5{1'alpha'20=1 21'first'}5{1'beta'20=1 21'second'}}"
        "  7{1'h'2'r'4'Elu'5{1'alpha'20=1 21'none'}}}"
        "7{1{1'x'2'y'3'call'4'f'7'pkg.d'5{1'slope'20=1 2~0.5}}"
        "  1{1'y'2'z'2'w'4'f'7'pkg.d'8'deep'5{1'first'20=1 2~2}}" IN OUT
        "12{1'w'2{1{1=1}}}}";
    static const struct {
        const char *op, *in, *out, *name;
        int opset, inputs, attrs;
    } want[] = {
        {"Max", "x", "y::t", "y::n", 18, 2, 0},      {"HardSigmoid", "y::t", "y::h", "", 13, 1, 2},
        {"Elu", "y::h", "y", "", 13, 1, 0},          {"Abs", "", "y::s", "", 18, 1, 0},
        {"HardSigmoid", "y", "z::h", "", 13, 1, 2},  {"Elu", "z::h", "z", "", 13, 1, 0},
        {"Identity", "y", "w", "", 13, 1, 0},
    };
    struct rt_onnx *o;
    struct rt_error e;
    if (parse(&o, text, NULL, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(o->nodes, sizeof want / sizeof *want);
    for (int i = 0; i < o->nodes; i++) {
        const struct rt_onnx_node *n = NULL;
        for (int k = 0; k < o->nodes; k++)
            n = !strcmp(o->node[k].output[0], want[i].out) ? &o->node[k] : n;
        assert_non_null(n);
        assert_string_equal(n->op, want[i].op);
        assert_string_equal(n->input[0], want[i].in);
        assert_string_equal(n->name, want[i].name);
        assert_int_equal(n->opset, want[i].opset);
        assert_int_equal(n->inputs, want[i].inputs);
        assert_int_equal(n->attrs, want[i].attrs);
        if (n->attrs) {
            assert_true(rt_onnx_attr(n, "alpha")->f == (want[i].in[1] ? 0.5f : 2));
            assert_true(rt_onnx_attr(n, "beta")->f == 0.75f);
        }
    }
    rt_onnx_destroy(o);
}

static void functions_are_bounded(void **state)
{
    (void)state;
    char text[4000] = HEAD;
    struct rt_onnx *o;
    struct rt_error e;
    for (int i = 0; i < 20; i++) { /* each calls the next twice: a million nodes */
        char f[160];
        snprintf(f, sizeof f, "25{1'f%d'10'd'4'a'5'c'7{1'a'2'b'4'%s%.0d'7'%s'}7{1'b'2'c'4'%s%.0d'7'%s'}}", i,
                 i == 19 ? "Relu" : "f", i == 19 ? 0 : i + 1, i == 19 ? "" : "d", i == 19 ? "Relu" : "f",
                 i == 19 ? 0 : i + 1, i == 19 ? "" : "d");
        strcat(text, f);
    }
    strcat(text, "7{1{1'x'2'y'4'f0'7'd'}" IN OUT "}");
    assert_int_equal(parse(&o, text, NULL, &e), RT_ELARGE);
    assert_non_null(strstr(e.text, "functions make more than"));
}

static void every_element_type_is_read_raw_and_typed(void **state)
{
    (void)state;
    static const struct {
        const char *data; /* of [2] elements */
        enum rt_dtype dtype;
        double value[2];
    } list[] = {
        {"2=1 9#0000803f0000c0bf", RT_F32, {1, -1.5}},
        {"2=1 4~1 4~-1.5", RT_F32, {1, -1.5}},
        {"2=1 4#0000803f0000c0bf", RT_F32, {1, -1.5}}, /* packed */
        {"2=2 9#01ff", RT_U8, {1, 255}},
        {"2=2 5=1 5=255", RT_U8, {1, 255}},
        {"2=3 9#01ff", RT_I32, {1, -1}},
        {"2=3 5=1 5=-1", RT_I32, {1, -1}},
        {"2=4 9#0100ffff", RT_I32, {1, 65535}},
        {"2=4 5=1 5=65535", RT_I32, {1, 65535}},
        {"2=5 9#0100ffff", RT_I32, {1, -1}},
        {"2=5 5=1 5=-1", RT_I32, {1, -1}},
        {"2=6 9#01000000ffffffff", RT_I32, {1, -1}},
        {"2=6 5=1 5=-1", RT_I32, {1, -1}},
        {"2=7 9#0100000000000000ffffffffffffffff", RT_I64, {1, -1}},
        {"2=7 7=1 7=-1", RT_I64, {1, -1}},
        {"2=9 9#0002", RT_BOOL, {0, 1}},
        {"2=9 5=0 5=1", RT_BOOL, {0, 1}},
        {"2=10 9#003c00c2", RT_F32, {1, -3}},
        {"2=10 5=15360 5=1", RT_F32, {1, 0x1p-24}},
        {"2=11 9#000000000000f03f000000000000f8bf", RT_F64, {1, -1.5}},
        {"2=12 9#01000000ffffffff", RT_I64, {1, 4294967295}},
        {"2=12 11=1 11=4294967295", RT_I64, {1, 4294967295}},
        {"2=16 9#803fc0bf", RT_F32, {1, -1.5}},
        {"2=16 5=16256 5=49088", RT_F32, {1, -1.5}},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        char text[400];
        struct rt_onnx *o;
        struct rt_error e = {0};
        snprintf(text, sizeof text, HEAD "7{5{1=2 8'x' %s }" RELU OUT "}", list[i].data);
        if (parse(&o, text, NULL, &e))
            fail_msg("%s: %s", list[i].data, e.text);
        const struct rt_tensor *t = rt_onnx_initializer(o, "x");
        assert_int_equal(t->dtype, list[i].dtype);
        assert_int_equal(t->rank, 1);
        assert_int_equal(t->dim[0], 2);
        for (int k = 0; k < 2; k++)
            if (element(t, k) != list[i].value[k])
                fail_msg("%s: element %d is %g", list[i].data, k, element(t, k));
        rt_onnx_destroy(o);
    }
}

static void halves_keep_infinity_and_nan(void **state)
{
    (void)state;
    struct rt_onnx *o;
    struct rt_error e = {0};
    assert_int_equal(parse(&o, HEAD "7{5{1=4 8'x'2=10 9#007c00fc017e0080}" RELU OUT "}", NULL, &e),
                     0);
    const float *x = rt_onnx_initializer(o, "x")->data;
    assert_true(x[0] == 1 / 0.0f && x[1] == -1 / 0.0f && x[2] != x[2]);
    assert_true(x[3] == 0 && 1 / x[3] < 0);
    rt_onnx_destroy(o);
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    char path[200];
    struct rt_error e;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(rt_file_write(path, &(struct rt_span){bytes, size}, 1, &e), 0);
}

static void external_data_stays_in_its_folder(void **state)
{
    (void)state;
    static const struct {
        const char *entries;
        int code; /* 0: reads 2.5 */
        const char *words;
    } list[] = {
        {"13{1'location'2'model/w.bin'}13{1'offset'2'4'}13{1'length'2'4'}", 0, ""},
        {"13{1'location'2'model/../model/w.bin'}13{1'offset'2'4'}", 0, ""},
        {"13{1'location'2'model/w.bin'}13{1'offset'2'8'}", RT_EFORMAT, "at 8, 4 bytes"},
        {"13{1'location'2'model/w.bin'}13{1'offset'2'9223372036854775807'}", RT_EFORMAT, "has 8"},
        {"13{1'location'2'model/w.bin'}13{1'offset'2'99999999999999999999'}", RT_EFORMAT, "whole"},
        {"13{1'location'2'model/w.bin'}13{1'offset'2'-4'}", RT_EFORMAT, "offset '-4'"},
        {"13{1'location'2'model/w.bin'}13{1'length'2'8'}", RT_EFORMAT, "needs 4"},
        {"13{1'location'2'model/w.bin'}13{1'length'2''}", RT_EFORMAT, "length ''"},
        {"13{1'offset'2'4'}", RT_EFORMAT, "without a location"},
        {"13{1'location'2'model/none'}", RT_EMISSING, "not in the model's folder"},
        {"13{1'location'2'../outside.bin'}", RT_EFORMAT, "outside"},
        {"13{1'location'2'model/link.bin'}", RT_EFORMAT, "outside"},
        {"13{1'location'2'/etc/passwd'}", RT_EMISSING, "not in"},
        {"13{1'location'2'model'}", RT_EIO, "cannot read"},
        {"13{1'location'2'model/pipe'}", RT_EIO, "cannot read"},
    };
    char path[200], text[400];
    float values[2] = {1, 2.5f};
    snprintf(path, sizeof path, "%s/in", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/in/model", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file("in/model/w.bin", values, sizeof values);
    write_file("outside.bin", values, sizeof values);
    snprintf(path, sizeof path, "%s/in/model/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/in/model/link.bin", folder);
    assert_int_equal(symlink("../../outside.bin", path), 0);
    snprintf(path, sizeof path, "%s/in", folder);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct rt_onnx *o;
        struct rt_error e = {0};
        snprintf(text, sizeof text, HEAD "7{5{2=1 8'x'14=1 %s}" RELU OUT "}", list[i].entries);
        int rc = parse(&o, text, path, &e);
        if (rc != list[i].code || !strstr(e.text, list[i].words))
            fail_msg("%s: %d %s", list[i].entries, rc, e.text);
        if (!rc)
            assert_true(*(float *)rt_onnx_initializer(o, "x")->data == 2.5f);
        rt_onnx_destroy(o);
    }
}

static struct rt_onnx *build(void)
{
    struct rt_onnx *o;
    float w[6] = {1, 2, 3, 4, 5, 6};
    int64_t axes[] = {1, 2};
    struct rt_tensor t = rt_tensor_view(RT_F32, 2, (int64_t[]){2, 3}, w);
    struct rt_tensor u = rt_tensor_view(RT_I64, 1, (int64_t[]){2}, axes);
    assert_int_equal(rt_onnx_create(&o, 13), 0);
    rt_onnx_set_text(o, "key", "old");
    rt_onnx_set_text(o, "key", "caf\xc3\xa9");
    rt_onnx_add_input(o, "x", RT_F32, 2, (int64_t[]){-1, 2}, "batch");
    rt_onnx_add_initializer(o, "w", &t);
    rt_onnx_add_initializer(o, "axes", &u);
    struct rt_onnx_node *n = rt_onnx_add_node(o, "MatMul", "m", (const char *[]){"x", "w", NULL},
                                              (const char *[]){"h", NULL});
    rt_onnx_attr_int(o, n, "i", -1);
    rt_onnx_attr_float(o, n, "f", 0.25f);
    rt_onnx_attr_string(o, n, "s", "t");
    rt_onnx_attr_ints(o, n, "is", axes, 2);
    rt_onnx_attr_tensor(o, n, "t", &u);
    rt_onnx_add_node(o, "Relu", "", (const char *[]){"h", NULL}, (const char *[]){"y", NULL});
    rt_onnx_add_output(o, "y", RT_F32, 2, (int64_t[]){-1, 3}, "batch");
    assert_int_equal(o->err, 0);
    return o;
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    char path[200];
    struct rt_onnx *o = build(), *back;
    struct rt_error e = {0};
    snprintf(path, sizeof path, "%s/written.onnx", folder);
    assert_int_equal(rt_onnx_write(o, path, &e), 0);
    rt_onnx_destroy(o);
    assert_int_equal(rt_onnx_read(&back, path, &e), 0);
    assert_string_equal(back->producer, "retort");
    assert_string_equal(rt_onnx_text(back, "key"), "caf\xc3\xa9");
    assert_int_equal(back->nodes, 2);
    assert_true(rt_onnx_attr(&back->node[0], "f")->f == 0.25f);
    assert_int_equal(rt_onnx_attr(&back->node[0], "i")->i, -1);
    assert_string_equal(rt_onnx_attr(&back->node[0], "s")->s, "t");
    assert_int_equal(rt_onnx_attr(&back->node[0], "is")->ints[1], 2);
    assert_int_equal(((int64_t *)rt_onnx_attr(&back->node[0], "t")->t.data)[1], 2);
    assert_string_equal(back->input[0].symbol[0], "batch");
    assert_int_equal(back->output[0].dim[1], 3);
    const struct rt_tensor *w = rt_onnx_initializer(back, "w");
    assert_true(w->rank == 2 && w->dim[0] == 2 && w->dim[1] == 3 && ((float *)w->data)[5] == 6);
    /* Equal contents are equal bytes, also after reading. */
    char again[200];
    uint8_t *a, *b;
    size_t na, nb;
    snprintf(again, sizeof again, "%s/again.onnx", folder);
    assert_int_equal(rt_onnx_write(back, again, &e), 0);
    assert_int_equal(rt_file_read(path, 1 << 20, &a, &na, &e), 0);
    assert_int_equal(rt_file_read(again, 1 << 20, &b, &nb, &e), 0);
    assert_int_equal(na, nb);
    assert_memory_equal(a, b, na);
    /* Cut or changed anywhere: an error with words, or another model, never more. */
    for (size_t i = 0; i < na; i++) {
        struct rt_onnx *damaged;
        uint8_t old = b[i];
        struct rt_error why = {0};
        b[i] = (uint8_t)(old ^ (1 << i % 8));
        int rc = rt_onnx_parse(&damaged, b, nb, "m", NULL, &why);
        assert_true(rc ? !damaged && why.code == rc && why.text[0] : damaged != NULL);
        rt_onnx_destroy(damaged);
        b[i] = old;
        rc = rt_onnx_parse(&damaged, b, i, "m", NULL, &why);
        assert_true(rc ? !damaged && why.code == rc : damaged != NULL);
        rt_onnx_destroy(damaged);
    }
    free(a);
    free(b);
    rt_onnx_destroy(back);
}

static void wrong_networks_are_not_written(void **state)
{
    (void)state;
    char path[200];
    struct rt_error e = {0};
    snprintf(path, sizeof path, "%s/never.onnx", folder);
    struct rt_onnx *o = build();
    rt_onnx_add_node(o, "Relu", "twice", (const char *[]){"x", NULL}, (const char *[]){"y", NULL});
    assert_int_equal(rt_onnx_write(o, path, &e), RT_EFORMAT);
    rt_onnx_destroy(o);
    o = build();
    rt_onnx_set_text(o, "\xff", "x");
    assert_null(rt_onnx_add_node(o, "Relu", "late", (const char *[]){"x", NULL},
                                 (const char *[]){"z", NULL}));
    rt_onnx_attr_int(o, NULL, "i", 1);
    assert_int_equal(rt_onnx_write(o, path, &e), RT_EUSAGE);
    rt_onnx_destroy(o);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(rt_onnx_read(&o, path, &e), RT_EMISSING);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int clean_up(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_files_are_refused_with_the_reason),
        cmocka_unit_test(wrong_bytes_are_refused_where_they_stand),
        cmocka_unit_test(a_model_is_read_as_it_stands),
        cmocka_unit_test(functions_become_their_nodes),
        cmocka_unit_test(functions_are_bounded),
        cmocka_unit_test(every_element_type_is_read_raw_and_typed),
        cmocka_unit_test(halves_keep_infinity_and_nan),
        cmocka_unit_test(external_data_stays_in_its_folder),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(wrong_networks_are_not_written),
    };
    return cmocka_run_group_tests(tests, set_up, clean_up);
}
