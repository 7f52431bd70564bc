/* SPDX-License-Identifier: MIT
 * Tests of a line that is typed: caret, history and its file, completion. */
#include "tests/support/support.h"
#include "tui/screen/widgets/prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct scratch dir;

static void press_all(struct rt_prompt *p, const char *text)
{
    for (; *text; text++)
        assert_int_equal(rt_prompt_key(p, *text), RT_TYPED_ON);
}

static void enter(struct rt_prompt *p, char kind, const char *line)
{
    rt_prompt_open(p, kind, "", line);
    assert_int_equal(rt_prompt_key(p, RT_KEY_ENTER), RT_TYPED_DONE);
}

static void test_caret(void **state)
{
    static struct rt_prompt p;
    (void)state;
    rt_prompt_open(&p, ':', ":", "");
    press_all(&p, "st b");
    rt_prompt_key(&p, RT_KEY_LEFT);
    rt_prompt_key(&p, RT_KEY_LEFT);
    press_all(&p, "ep");
    assert_string_equal(p.line, "step b");
    rt_prompt_key(&p, RT_KEY_HOME);
    rt_prompt_key(&p, 0x732b);
    assert_string_equal(p.line, "\u732bstep b");
    rt_prompt_key(&p, RT_KEY_LEFT); /* a whole character */
    assert_int_equal(p.at, 0);
    rt_prompt_key(&p, RT_KEY_DELETE);
    assert_string_equal(p.line, "step b");
    rt_prompt_key(&p, RT_KEY_END);
    rt_prompt_key(&p, RT_KEY_RIGHT);
    rt_prompt_key(&p, 23); /* Ctrl-W */
    assert_string_equal(p.line, "step ");
    rt_prompt_key(&p, RT_KEY_BACKSPACE);
    rt_prompt_key(&p, RT_KEY_LEFT);
    rt_prompt_key(&p, 21); /* Ctrl-U */
    assert_string_equal(p.line, "p");
    rt_prompt_key(&p, RT_KEY_END);
    rt_prompt_key(&p, RT_KEY_BACKSPACE);
    assert_int_equal(rt_prompt_key(&p, RT_KEY_BACKSPACE), RT_TYPED_DROPPED);
    assert_int_equal(p.kind, 0);
    rt_prompt_open(&p, ':', ":", "");
    for (int i = 0; i < 3 * RT_PROMPT_LINE; i++)
        rt_prompt_key(&p, 'x');
    assert_int_equal(strlen(p.line), RT_PROMPT_LINE - 1);
}

static void test_history(void **state)
{
    struct rt_prompt *p = calloc(1, sizeof *p);
    char path[300], long_line[RT_PROMPT_LINE];
    (void)state;
    setenv("XDG_STATE_HOME", scratch_file(&dir, "deep/state"), 1);
    rt_history_open(&p->history);
    enter(p, ':', "pause");
    enter(p, '/', "snr < 3");
    enter(p, ':', "resume");
    enter(p, ':', "resume"); /* once is enough */
    enter(p, ':', "");
    rt_history_fini(&p->history);
    rt_history_open(&p->history);
    assert_int_equal(p->history.count, 3);
    rt_prompt_open(p, ':', ":", "");
    press_all(p, "ste");
    rt_prompt_key(p, RT_KEY_UP);
    assert_string_equal(p->line, "resume");
    rt_prompt_key(p, RT_KEY_UP); /* not the other prompt's */
    assert_string_equal(p->line, "pause");
    rt_prompt_key(p, RT_KEY_UP);
    assert_string_equal(p->line, "pause");
    rt_prompt_key(p, RT_KEY_DOWN);
    rt_prompt_key(p, RT_KEY_DOWN);
    assert_string_equal(p->line, "ste");
    memset(long_line, 'y', sizeof long_line);
    long_line[sizeof long_line - 1] = 0;
    for (int i = 0; i < 3 * RT_PROMPT_KEPT; i++) {
        long_line[0] = (char)('a' + i % 26);
        enter(p, ':', long_line);
    }
    rt_history_fini(&p->history);
    rt_history_open(&p->history); /* the file is cut when it has grown */
    assert_int_equal(p->history.count, RT_PROMPT_KEPT);
    assert_string_equal(p->history.line[RT_PROMPT_KEPT - 1] + 1, long_line);
    rt_history_fini(&p->history);
    size_t size;
    snprintf(path, sizeof path, "%s", scratch_file(&dir, "deep/state/retort/history"));
    free(read_bytes(path, &size));
    assert_int_equal(size, RT_PROMPT_KEPT * (RT_PROMPT_LINE + 1));
    assert_int_equal(remove(path), 0);
    rt_history_open(&p->history);
    assert_int_equal(p->history.count, 0);
    rt_history_fini(&p->history);
    static const char *const made[] = {"deep/state/retort", "deep/state", "deep"};
    for (size_t i = 0; i < 3; i++)
        remove(scratch_file(&dir, made[i]));
    setenv("XDG_STATE_HOME", "/proc/nowhere", 1); /* kept for this time only */
    rt_history_open(&p->history);
    enter(p, ':', "pause");
    assert_int_equal(p->history.count, 1);
    rt_history_fini(&p->history);
    free(p);
}

static void complete(struct rt_prompt *p, int key, const char *const *word, int words)
{
    if (rt_prompt_key(p, key) != RT_TYPED_COMPLETE)
        return;
    p->choices.count = 0;
    p->choices.from = 4;
    p->choice = -1;
    for (int i = 0; i < words; i++)
        rt_choices_offer(&p->choices, p->line, p->at, word[i]);
    rt_prompt_complete(p, key == RT_KEY_TAB ? 1 : -1);
}

static void test_completion(void **state)
{
    static const char *const word[] = {"train.lr", "train.clip", "task.lambda", "\u732b", "\u732c", "train.lr"};
    static struct rt_prompt p;
    (void)state;
    rt_prompt_open(&p, ':', ":", "set t");
    complete(&p, RT_KEY_TAB, word, 6);
    assert_string_equal(p.line, "set train.lr"); /* nothing in common but t: the first */
    assert_int_equal(p.choices.count, 3);
    complete(&p, RT_KEY_TAB, word, 6);
    assert_string_equal(p.line, "set train.clip");
    complete(&p, RT_KEY_BACKTAB, word, 6);
    complete(&p, RT_KEY_BACKTAB, word, 6);
    assert_string_equal(p.line, "set task.lambda");
    rt_prompt_open(&p, ':', ":", "set tr x");
    p.at = 6;
    complete(&p, RT_KEY_TAB, word, 6);
    assert_string_equal(p.line, "set train. x"); /* as far as they agree; what follows stays */
    press_all(&p, "c");
    assert_int_equal(p.choices.count, 0);
    complete(&p, RT_KEY_TAB, word, 6);
    assert_string_equal(p.line, "set train.clip  x");
    rt_prompt_open(&p, ':', ":", "set ");
    complete(&p, RT_KEY_TAB, word + 3, 2); /* they agree in bytes, not in characters */
    assert_string_equal(p.line, "set \u732b");
    rt_prompt_open(&p, ':', ":", "set z");
    complete(&p, RT_KEY_TAB, word, 6);
    assert_string_equal(p.line, "set z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caret),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_completion),
    };
    scratch_make(&dir);
    return scratch_end(&dir, cmocka_run_group_tests(tests, NULL, NULL));
}
