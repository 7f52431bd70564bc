/* SPDX-License-Identifier: MIT
 * machine_limits: see machine_limits.h. */
#include "stages/session/machine_limits.h"

#include "stages/nn/blas.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#define FILES 24 /* at once: those of a run, its loops and its clients */
#define THREADS_MAX 1024

/* ---- words ---- */

/* " (ulimit -u 12)", or "" where it is not limited. */
static const char *limit_text(int resource, const char *option, unsigned long long unit, char text[60])
{
    struct rlimit limit;
    text[0] = '\0';
    if (getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        snprintf(text, 60, " (ulimit %s %llu)", option, (unsigned long long)limit.rlim_cur / unit);
    return text;
}

/* ---- files ---- */

int rt_machine_try_files(struct rt_error *e)
{
    int fd[FILES], count = 0, number;
    char text[60];
    while (count < FILES && (fd[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    number = errno;
    for (int i = 0; i < count; i++)
        close(fd[i]);
    if (count == FILES)
        return 0;
    if (number == EMFILE)
        return rt_error_set(e, RT_EIO, "no more than %d files may be opened%s: %d are needed; raise the limit", count,
                            limit_text(RLIMIT_NOFILE, "-n", 1, text), FILES);
    errno = number;
    return rt_error_errno(e, "cannot open", "/dev/null");
}

/* ---- threads ----
 * As many as will be needed stand at once, and wait; each has its stack then. */

struct trial {
    pthread_mutex_t lock;
    pthread_cond_t go;
    bool over;
};

static void *trial_wait(void *self)
{
    struct trial *t = self;
    pthread_mutex_lock(&t->lock);
    while (!t->over)
        pthread_cond_wait(&t->go, &t->lock);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static int threads_try(int threads, struct rt_error *e)
{
    static struct trial t = {.lock = PTHREAD_MUTEX_INITIALIZER, .go = PTHREAD_COND_INITIALIZER};
    static pthread_t thread[THREADS_MAX];
    char text[60];
    int count = 0, most = threads < THREADS_MAX ? threads : THREADS_MAX, number = 0;
    t.over = false;
    while (count < most && (number = pthread_create(&thread[count], NULL, trial_wait, &t)) == 0)
        count++;
    pthread_mutex_lock(&t.lock);
    t.over = true;
    pthread_cond_broadcast(&t.go);
    pthread_mutex_unlock(&t.lock);
    for (int i = 0; i < count; i++)
        pthread_join(thread[i], NULL);
    if (count == most)
        return 0;
    if (!*limit_text(RLIMIT_AS, "-v", 1024, text)) /* of stacks; else of threads */
        limit_text(RLIMIT_NPROC, "-u", 1, text);
    return rt_error_set(e, RT_EIO, "no more than %d threads can be started, %d are needed: %s%s; raise the limit, make "
                        "memory free, or ask for fewer (pipeline.decoders, train.threads)", count, threads,
                        strerror(number), text); /* the same number stands for both */
}

/* ---- libuv's pool ----
 * It starts all its threads with the first work, or calls abort(): now, while they have just been seen to start. If one
 * does not all the same, words are said for it. */

static void pool_aborted(int number)
{
    static const char words[] = "retort: cannot start libuv's threads: not enough memory, or a limit (ulimit -u, -v)\n";
    ssize_t ignored = write(STDERR_FILENO, words, sizeof words - 1);
    (void)ignored;
    (void)number;
    _exit(1);
}

static void pool_nothing(uv_work_t *work)
{
    (void)work;
}

static int pool_start(struct rt_error *e)
{
    uv_loop_t loop;
    uv_work_t work;
    struct sigaction before, ours = {.sa_handler = pool_aborted};
    sigaction(SIGABRT, &ours, &before);
    int rc = uv_loop_init(&loop);
    if (rc == 0) {
        rc = uv_queue_work(&loop, &work, pool_nothing, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
    }
    sigaction(SIGABRT, &before, NULL);
    return rc < 0 ? rt_error_set(e, RT_EIO, "cannot start libuv's threads: %s", uv_strerror(rc)) : 0;
}

static int product_try(struct rt_error *e)
{
    char text[60];
    if (rt_blas_try() == 0)
        return 0;
    return rt_error_set(e, RT_EMEM, "no room for the buffer of a matrix product, %d MiB of addresses for each "
                        "thread%s: raise the limit", RT_BLAS_BUFFER_MIB, limit_text(RLIMIT_AS, "-v", 1024, text));
}

int rt_machine_try(int pool, int threads, struct rt_error *e)
{
    static bool tried;
    if (tried)
        return 0;
    RT_TRY(rt_machine_try_files(e));
    RT_TRY(threads_try(pool + threads, e));
    RT_TRY(pool_start(e));
    RT_TRY(product_try(e));
    tried = true;
    return 0;
}
