/* SPDX-License-Identifier: MIT
 * Tests that threads may share a handle of libretort, or have clones of one, and all get the same bits; and that the
 * handle which was opened may be closed before its clones. */
#include "tests/library/library_models.h"

#include <pthread.h>
#include <string.h>

#define THREADS 4
#define CALLS 6

static struct scratch dir;
static float sound[SOUND];

struct caller {
    struct retort *r;
    float embedding[CALLS][512];
    int rc;
};

static void *caller_main(void *arg)
{
    struct caller *c = arg;
    for (int i = 0; i < CALLS && c->rc == 0; i++) {
        struct retort_answer a = {.embedding = c->embedding[i]};
        c->rc = retort_pcm(c->r, sound, (size_t)SOUND / 2 * (size_t)(1 + i % 2), 1, 16000, &a, NULL);
    }
    return NULL;
}

static void check_callers(struct caller *c)
{
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, caller_main, &c[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < THREADS; i++)
        for (int k = 0; k < CALLS; k++) {
            assert_int_equal(c[i].rc, 0);
            assert_memory_equal(c[i].embedding[k], c[0].embedding[k % 2], sizeof c[0].embedding[0]);
        }
}

static void threads_may_share_a_handle(void **state)
{
    (void)state;
    static struct caller c[THREADS];
    struct retort *r;
    assert_int_equal(retort_open(&r, library_model(&dir, 0), &(struct retort_options){.threads = 2}, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        c[i].r = r;
    check_callers(c);
    retort_close(r);
}

static void threads_may_have_clones(void **state)
{
    (void)state;
    static struct caller c[THREADS];
    struct retort *r;
    assert_int_equal(retort_open(&r, library_model(&dir, 0), NULL, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(retort_clone(&c[i].r, r, NULL), 0);
    retort_close(r);
    check_callers(c);
    for (int i = 0; i < THREADS; i++)
        retort_close(c[i].r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_may_share_a_handle),
        cmocka_unit_test(threads_may_have_clones),
    };
    scratch_make(&dir);
    library_sound(sound);
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
