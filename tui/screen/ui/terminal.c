/* SPDX-License-Identifier: MIT
 * terminal: see terminal.h. ncursesw brings the cells to the terminal; the escape sequences that undo its work
 * are kept as bytes from the start, so that a handler of a crash can write them without calling into
 * curses. */
#include "tui/screen/ui/terminal.h"

#include "tui/screen/widgets/picture.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#define MOUSE_DRAG "\033[?1002h" /* curses asks only for presses; terminals know this beside SGR */
#define MOUSE_DRAG_OFF "\033[?1002l"
#define KITTY_CLEAR "\033_Ga=d,d=A,q=2\033\\" /* no pictures any more */
#define MOUSE_OFF MOUSE_DRAG_OFF "\033[?1000l\033[?1006l"

static struct {
    SCREEN *screen;
    bool ascii, mouse, drag;
    attr_t attribute[RT_STYLES];
    short pair[RT_STYLES];
    struct termios before;
    char restore[256];
    size_t restore_size;
    int out; /* what curses writes to */
    int colours;
    enum rt_theme theme;
    enum rt_pixels pixels;
    struct rt_canvas shown; /* what curses was told last; empty = it must be told all */
} term;
static volatile sig_atomic_t asked; /* the signal that asks us to end */

static const int ending[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};
static const int crash[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* ---- signals ----
 * A terminal that is left in curses' state is useless to its person: it echoes nothing and the mouse
 * writes garbage. So whatever ends the process puts it back. Those who ask politely are noted and the
 * loop ends in its own time; after a crash nothing may be called but write and tcsetattr, hence the
 * bytes that are kept ready. */

static void signal_end(int signal)
{
    asked = signal;
}

/* Only calls that a handler may make. */
static void signal_crash(int signal)
{
    ssize_t written = write(term.out, term.restore, term.restore_size);
    (void)written;
    tcsetattr(term.out, TCSANOW, &term.before);
    raise(signal); /* SA_RESETHAND: now in the ordinary way */
}

static void signals_handle(bool on)
{
    struct sigaction end = {.sa_handler = on ? signal_end : SIG_DFL};
    struct sigaction fault = {.sa_handler = on ? signal_crash : SIG_DFL,
                              .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        sigaction(ending[i], &end, NULL);
    for (size_t i = 0; i < sizeof crash / sizeof *crash; i++) {
        struct sigaction now;
        /* A sanitizer's own handler stays. */
        if (sigaction(crash[i], NULL, &now) == 0 &&
            (now.sa_handler == SIG_DFL || now.sa_handler == signal_crash))
            sigaction(crash[i], &fault, NULL);
    }
}

/* ---- opening and closing ----
 * What curses has no call for (moving the mouse while a button is held, pictures) is written past it,
 * at moments when its own buffer is empty. */

/* To the terminal now: curses has a buffer of its own beside that of stdout. */
static void terminal_say(const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

static void terminal_keep(const char *capability)
{
    const char *text = tigetstr((char *)capability);
    size_t size = text && text != (char *)-1 ? strlen(text) : 0;
    const char *padding = size ? strstr(text, "$<") : NULL;
    if (padding)
        size = (size_t)(padding - text);
    if (size && term.restore_size + size <= sizeof term.restore) {
        memcpy(term.restore + term.restore_size, text, size);
        term.restore_size += size;
    }
}

static void terminal_find_colours(void)
{
    const char *none = getenv("NO_COLOR");
    term.colours = 0;
    if (!(none && *none) && has_colors() && start_color() == OK) {
        use_default_colors();
        term.colours = COLORS;
    }
}

void rt_terminal_set_theme(enum rt_theme theme)
{
    term.theme = theme;
    for (int i = 0; i < RT_STYLES; i++) {
        struct rt_look look = rt_theme_look((enum rt_style)i, term.colours, theme);
        term.pair[i] = 0;
        if ((look.colour >= 0 || look.ground >= 0) &&
            init_pair((short)(i + 1), (short)look.colour, (short)look.ground) == OK)
            term.pair[i] = (short)(i + 1);
        term.attribute[i] = (look.attributes & RT_BOLD ? A_BOLD : 0) |
                            (look.attributes & RT_REVERSE ? A_REVERSE : 0) |
                            (look.attributes & RT_FAINT ? A_DIM : 0) |
                            (look.attributes & RT_UNDERLINE ? A_UNDERLINE : 0);
    }
}

enum rt_theme rt_terminal_theme(void)
{
    return term.theme;
}

/* ---- the ground ----
 * Colours that are read well on black are not on white. Most terminals tell their ground when asked; behind the
 * question goes another one that every terminal answers, so that nobody waits for those that do not. What a person
 * types meanwhile comes back to curses; an answer that comes later still is no key (key_is_answer). */

#define GROUND_ASK "\033]11;?\033\\\033[c"
#define GROUND_MS 500 /* a far terminal answers later than a near one */

/* What came until the second answer, or until nothing comes any more. */
static size_t ground_read(char *said, size_t size)
{
    size_t n = 0;
    struct pollfd on = {.fd = STDIN_FILENO, .events = POLLIN};
    while (n + 1 < size && poll(&on, 1, GROUND_MS) > 0) {
        ssize_t got = read(STDIN_FILENO, said + n, size - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
        said[n] = '\0';
        const char *second = strstr(said, "\033[?");
        if (second && strchr(second, 'c'))
            break;
    }
    said[n] = '\0';
    return n;
}

/* Both answers taken out of it, the rest is what somebody typed. */
static void ground_give_back(char *said, size_t n)
{
    char *first = strstr(said, "\033]11;"), *second = strstr(said, "\033[?"), *end;
    if (second && (end = strchr(second, 'c')))
        memmove(second, end + 1, strlen(end + 1) + 1);
    if (first && (end = strpbrk(first + 1, "\007\\")))
        memmove(first, end + 1, strlen(end + 1) + 1);
    for (n = strlen(said); n > 0; n--)
        ungetch((unsigned char)said[n - 1]);
}

/* As shells have it from terminals that set it: "15;0" is white on black. */
static int ground_from_environment(void)
{
    const char *set = getenv("COLORFGBG"), *ground = set ? strrchr(set, ';') : NULL;
    if (!ground)
        return RT_THEME_DARK;
    return strcmp(ground, ";7") == 0 || strcmp(ground, ";15") == 0 ? RT_THEME_LIGHT : RT_THEME_DARK;
}

static enum rt_theme terminal_find_theme(void)
{
    const char *named = getenv("RETORT_THEME");
    char said[512];
    int theme = named ? rt_theme_find(named) : -1;
    if (theme >= 0 || term.colours < 256 || getenv("COLORFGBG"))
        return (enum rt_theme)(theme >= 0 ? theme : ground_from_environment());
    terminal_say(GROUND_ASK);
    size_t n = ground_read(said, sizeof said);
    const char *ground = strstr(said, "\033]11;");
    theme = ground ? rt_theme_of_ground(ground + 5) : -1;
    ground_give_back(said, n);
    return (enum rt_theme)(theme >= 0 ? theme : RT_THEME_DARK);
}

/* Consoles and their emulations that have neither Braille nor ellipsis in their fonts. */
static bool terminal_is_bare(const char *name)
{
    return strcmp(name, "linux") == 0 || strncmp(name, "vt", 2) == 0 || strcmp(name, "dumb") == 0;
}

/* volatile: else the compiler takes both calls away. */
static bool memory_is_there(size_t size)
{
    void *volatile some = malloc(size);
    bool is = some != NULL;
    free(some);
    return is;
}

/* newterm does not say whether a terminal is not known or memory was missing, and it and setupterm fall over a block
 * that they did not get: so more than they take must be there before. */
static int terminal_start(const char *name, struct rt_error *e)
{
    int known = 0;
    term.screen = memory_is_there(1 << 20) ? newterm(name, stdout, stdin) : NULL;
    if (term.screen)
        return 0;
    if (!memory_is_there(1 << 20) || setupterm(name, term.out, &known) == OK)
        return rt_error_set(e, RT_EMEM, "no memory for the screen");
    return rt_error_set(e, RT_EUSAGE, "TERM=%s is not known here: try TERM=xterm or TERM=vt100", name);
}

/* What takes it back is the first of what is kept to be written. */
static void terminal_take_mouse(void)
{
    memcpy(term.restore, MOUSE_OFF, sizeof MOUSE_OFF - 1);
    term.mouse = mousemask(BUTTON1_PRESSED | BUTTON1_RELEASED | BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED |
                           REPORT_MOUSE_POSITION, NULL);
    term.restore_size = term.mouse ? sizeof MOUSE_OFF - 1 : 0;
    mouseinterval(0); /* else a press waits to see whether it becomes a click */
}

int rt_terminal_open(struct rt_error *e)
{
    const char *name = getenv("TERM");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return rt_error_set(e, RT_EUSAGE, "the screen needs a terminal; `retort inspect DIR` writes the "
                            "samples of a run anywhere");
    if (!name || !*name)
        return rt_error_set(e, RT_EUSAGE, "TERM is not set: say what the terminal is, as "
                            "TERM=xterm-256color");
    setlocale(LC_CTYPE, "");
    term.out = STDOUT_FILENO;
    tcgetattr(term.out, &term.before);
    RT_TRY(terminal_start(name, e));
    set_term(term.screen);
    term.ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0 || terminal_is_bare(name);
    terminal_take_mouse();
    terminal_keep("sgr0");
    terminal_keep("rmkx");
    terminal_keep("rmcup");
    terminal_keep("cnorm");
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
    terminal_find_colours();
    refresh(); /* the terminal is in its state: what it says is not echoed */
    rt_terminal_set_theme(terminal_find_theme());
    term.pixels = term.colours > 0 && !term.ascii ? rt_picture_pixels() : RT_PIXELS_NONE;
    signals_handle(true);
    term.drag = term.mouse && tigetstr("kmous") && tigetstr("kmous") != (char *)-1;
    refresh(); /* what curses asks the mouse for goes first */
    if (term.drag)
        terminal_say(MOUSE_DRAG);
    return 0;
}

void rt_terminal_close(void)
{
    if (!term.screen)
        return;
    if (term.drag)
        terminal_say(MOUSE_DRAG_OFF);
    if (term.pixels == RT_PIXELS_KITTY && term.shown.pictures)
        terminal_say(KITTY_CLEAR);
    endwin();
    signals_handle(false);
    term.screen = NULL; /* no delscreen: where memory has run out, ncurses 6.4 falls over what it kept of it */
    rt_canvas_fini(&term.shown);
}

void rt_terminal_size(int *w, int *h)
{
    getmaxyx(stdscr, *h, *w);
}

bool rt_terminal_pixels(void)
{
    return term.pixels != RT_PIXELS_NONE;
}

int rt_terminal_colours(void)
{
    return term.colours;
}

bool rt_terminal_ascii(void)
{
    return term.ascii;
}

/* ---- showing ---- */

static void terminal_show_row(const struct rt_canvas *c, int y, int w)
{
    const struct rt_cell *cell = c->cell + (size_t)y * (size_t)c->w;
    move(y, 0);
    for (int x = 0; x < w; x++) {
        if (cell[x].c == RT_CELL_REST)
            continue;
        wchar_t text[2 + RT_CELL_MARKS] = {(wchar_t)cell[x].c, (wchar_t)cell[x].mark[0], (wchar_t)cell[x].mark[1], 0};
        cchar_t shown;
        int pair = term.pair[cell[x].style];
        if (cell[x].front || cell[x].ground)
            pair = alloc_pair(cell[x].front - 1, cell[x].ground - 1);
        pair = pair < 0 ? 0 : pair;
        setcchar(&shown, text, term.attribute[cell[x].style], (short)pair, &pair);
        mvadd_wch(y, x, &shown);
    }
}

/* ---- pictures, which curses knows nothing of ----
 * They lie over blank cells and are sent after these. As curses takes the cells for blank, it would
 * leave a picture that is gone where it is: its lines are marked to be written anew. */

static bool pictures_equal(const struct rt_canvas *a, const struct rt_canvas *b)
{
    bool same = a->pictures == b->pictures;
    for (int i = 0; same && i < a->pictures; i++)
        same = a->picture[i].key == b->picture[i].key &&
               memcmp(&a->picture[i].at, &b->picture[i].at, sizeof a->picture[i].at) == 0;
    return same;
}

/* The pictures on the screen go: kitty's by name, sixels when their cells are written anew. */
static void pictures_remove(void)
{
    for (int i = 0; i < term.shown.pictures; i++)
        wredrawln(stdscr, term.shown.picture[i].at.y, term.shown.picture[i].at.h);
    if (term.pixels == RT_PIXELS_KITTY && term.shown.pictures)
        terminal_say(KITTY_CLEAR);
}

static void pictures_send(const struct rt_canvas *c)
{
    struct winsize size = {0};
    ioctl(term.out, TIOCGWINSZ, &size);
    for (int i = 0; i < c->pictures; i++) {
        const struct rt_canvas_picture *p = &c->picture[i];
        size_t bytes = 0;
        char *code = rt_picture_code(term.pixels, p, size.ws_col ? size.ws_xpixel / size.ws_col : 0,
                                     size.ws_row ? size.ws_ypixel / size.ws_row : 0, &bytes);
        if (!code)
            continue;
        printf("\0337\033[%d;%dH", p->at.y + 1, p->at.x + 1); /* where curses is, it comes back to */
        fwrite(code, 1, bytes, stdout);
        fputs("\0338", stdout);
        fflush(stdout);
        free(code);
    }
}

static void terminal_remember(const struct rt_canvas *c)
{
    struct rt_canvas *s = &term.shown;
    if ((s->w != c->w || s->h != c->h) && rt_canvas_resize(s, c->w, c->h) < 0)
        rt_canvas_fini(s);
    else
        memcpy(s->cell, c->cell, (size_t)c->w * (size_t)c->h * sizeof *c->cell);
    s->pictures = c->pictures;
    memcpy(s->picture, c->picture, sizeof s->picture);
}

/* Curses sends only what differs; telling it only lines that do costs half as much. */
void rt_terminal_show(const struct rt_canvas *c, bool all)
{
    int w, h;
    const struct rt_canvas *s = &term.shown;
    bool known = !all && s->w == c->w && s->h == c->h;
    bool pictures = !known || !pictures_equal(s, c);
    size_t line = (size_t)c->w;
    rt_terminal_size(&w, &h);
    if (pictures)
        pictures_remove();
    if (all)
        clearok(stdscr, TRUE);
    for (int y = 0; y < h && y < c->h; y++)
        if (!known || memcmp(s->cell + (size_t)y * line, c->cell + (size_t)y * line, line * sizeof *c->cell) != 0)
            terminal_show_row(c, y, w < c->w ? w : c->w);
    terminal_remember(c);
    refresh();
    if (pictures)
        pictures_send(c);
}

/* ---- reading ---- */

static struct rt_event mouse_read(void)
{
    MEVENT m;
    struct rt_event event = {RT_KEY_OTHER, 0, 0};
    if (getmouse(&m) != OK)
        return event;
    event.x = m.x;
    event.y = m.y;
    event.key = m.bstate & BUTTON4_PRESSED         ? RT_KEY_WHEEL_UP
                : m.bstate & BUTTON5_PRESSED       ? RT_KEY_WHEEL_DOWN
                : m.bstate & REPORT_MOUSE_POSITION ? RT_KEY_DRAG
                : m.bstate & BUTTON1_RELEASED      ? RT_KEY_RELEASE
                                                   : RT_KEY_CLICK;
    return event;
}

/* Curses waits for keys alone. Keys that it has read already are its first answer. */
static int key_wait(wint_t *key, int ms, int fd)
{
    struct pollfd on[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    timeout(0);
    int kind = get_wch(key);
    if (kind != ERR || ms <= 0)
        return kind;
    if (poll(on, fd < 0 ? 1 : 2, ms) > 0 && on[0].revents & (POLLHUP | POLLERR | POLLNVAL))
        asked = SIGHUP; /* also where the terminal was not ours, and nobody sends a signal */
    return get_wch(key);
}

/* Behind an escape: the rest of what a terminal says of itself ("]11;rgb:..." to a BEL or ESC \\, "[?...c"), and no
 * key of a person. It is read to its end. */
static bool key_is_answer(void)
{
    wint_t first = 0, second = 0, next = 0;
    int left = 64;
    timeout(0);
    if (get_wch(&first) != OK)
        return false;
    bool ground = first == ']', other = first == '[' && get_wch(&second) == OK && second == '?';
    if (!ground && !other) {
        if (second)
            unget_wch((wchar_t)second);
        unget_wch((wchar_t)first);
        return false;
    }
    timeout(GROUND_MS);
    while (left-- > 0 && get_wch(&next) == OK && next != (ground ? '\\' : 'c') && next != '\007')
        ;
    return true;
}

struct rt_event rt_terminal_read(int ms, int fd)
{
    static const struct {
        wint_t curses;
        int key;
    } known[] = {
        {KEY_UP, RT_KEY_UP},           {KEY_DOWN, RT_KEY_DOWN},           {KEY_LEFT, RT_KEY_LEFT},
        {KEY_RIGHT, RT_KEY_RIGHT},     {KEY_PPAGE, RT_KEY_PAGE_UP},       {KEY_NPAGE, RT_KEY_PAGE_DOWN},
        {KEY_HOME, RT_KEY_HOME},       {KEY_END, RT_KEY_END},             {KEY_ENTER, RT_KEY_ENTER},
        {KEY_BTAB, RT_KEY_BACKTAB},    {KEY_BACKSPACE, RT_KEY_BACKSPACE}, {KEY_RESIZE, RT_KEY_RESIZE},
        {KEY_DC, RT_KEY_DELETE},
    };
    wint_t key = 0;
    int kind = key_wait(&key, ms, fd);
    if (kind == ERR)
        return (struct rt_event){RT_KEY_NONE, 0, 0};
    if (kind == OK && key == RT_KEY_ESCAPE && key_is_answer())
        return (struct rt_event){RT_KEY_OTHER, 0, 0};
    if (kind == OK)
        return (struct rt_event){key == 127 || key == 8 ? RT_KEY_BACKSPACE
                                 : key == '\n'          ? RT_KEY_ENTER
                                                        : (int)key, 0, 0};
    if (key == KEY_MOUSE)
        return mouse_read();
    if (key == KEY_RESIZE) /* curses has changed its own copy */
        term.shown.w = term.shown.h = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].curses == key)
            return (struct rt_event){known[i].key, 0, 0};
    return (struct rt_event){RT_KEY_OTHER, 0, 0};
}

int rt_terminal_signal(void)
{
    return asked;
}
