/* SPDX-License-Identifier: MIT
 * rundb_error: what SQLite has to say when it fails, as an error of ours. A full disk is the one that a user can mend
 * and go on, so it keeps a code of its own, also where SQLite calls it an I/O error. See rundb_parts.h. */
#include "pipeline/run/rundb_parts.h"

#include <errno.h>
#include <stddef.h>

static const struct {
    int sqlite, code;
} codes[] = {
    {SQLITE_FULL, RT_EFULL},       {SQLITE_NOMEM, RT_EMEM},      {SQLITE_BUSY, RT_EBUSY},
    {SQLITE_LOCKED, RT_EBUSY},     {SQLITE_NOTADB, RT_EFORMAT},  {SQLITE_CORRUPT, RT_EFORMAT},
    {SQLITE_ERROR, RT_EUSAGE},     {SQLITE_RANGE, RT_EUSAGE},    {SQLITE_TOOBIG, RT_ELARGE},
    {SQLITE_INTERRUPT, RT_EFORMAT},
};

/* "disk I/O error" says nothing of what to do. SQLite forgets the system's own number where a step fails, but nothing
 * has been called since that would have set another. */
static int rundb_number(const struct rt_rundb *r)
{
    int before = errno, number = sqlite3_system_errno(r->db);
    if ((sqlite3_errcode(r->db) & 0xFF) != SQLITE_IOERR)
        return 0;
    return number ? number : before;
}

static int rundb_code(const struct rt_rundb *r, int number)
{
    int sqlite = sqlite3_errcode(r->db) & 0xFF;
    if (number == ENOSPC || number == EDQUOT)
        return RT_EFULL;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].sqlite == sqlite)
            return codes[i].code;
    return RT_EIO;
}

int rt_rundb_fail(const struct rt_rundb *r, struct rt_error *e)
{
    int number = r->db ? rundb_number(r) : 0, code = r->db ? rundb_code(r, number) : RT_EMEM;
    if (r->db && (sqlite3_errcode(r->db) & 0xFF) == SQLITE_INTERRUPT)
        return rt_error_set(e, code, "%s: gave no answer in reasonable time: not written by retort, or damaged",
                            r->path);
    const char *what = !r->db ? "out of memory" : code == RT_EFULL ? rt_err_words(code) : sqlite3_errmsg(r->db);
    return rt_error_set(e, code, "%s: %s%s", r->path, what,
                        code == RT_EFULL  ? ": make room and resume the run"
                        : number == EFBIG ? ": the file may not be larger; raise the limit (ulimit -f)"
                                          : "");
}
