/* SPDX-License-Identifier: MIT
 * fuzz_store: any bytes as a cache that somebody left: refused with a message, or opened, and then every record can be
 * asked for, one can be put and is got back, also by whoever opens the file next. */
#include "pipeline/data/store.h"
#include "tests/fuzz/fuzz_file.h"

#define RECORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rt_key128 own = {0x0123456789abcdef, 42};

/* Keys as they may stand in the file: at each place where a record may begin. */
static void get_all(struct rt_store *s, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < RECORDS && 8 + 8 * i + 16 <= size; i++) {
        struct rt_key128 key;
        memcpy(&key, data + 8 + 8 * i, sizeof key);
        rt_frame_unref(rt_store_get(s, key));
    }
}

static void put_one(struct rt_store *s)
{
    static float numbers[4] = {1, 2, 3, 4};
    struct rt_tensor t = rt_tensor_view(RT_F32, 1, (int64_t[]){4}, numbers);
    struct rt_frame *f;
    if (rt_frame_pack(&f, "value", &t, 1) < 0)
        abort();
    int rc = rt_store_put(s, own, f);
    assert(rc == 0);
    (void)rc;
    rt_frame_unref(f);
}

static int has_own(struct rt_store *s)
{
    struct rt_frame *f = rt_store_get(s, own);
    rt_frame_unref(f);
    return f != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_store *s;
    struct rt_error e = {0};
    fuzz_write("fuzz.store", data, size);
    if (rt_store_open(&s, fuzz_folder, "fuzz", 1 << 24, &e) < 0) {
        assert(!s && e.text[0]);
        return 0;
    }
    get_all(s, data, size);
    put_one(s);
    assert(has_own(s));
    rt_store_close(s);
    int rc = rt_store_open(&s, fuzz_folder, "fuzz", 1 << 24, &e);
    assert(rc == 0 && has_own(s));
    (void)rc;
    rt_store_close(s);
    return 0;
}
