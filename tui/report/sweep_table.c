/* SPDX-License-Identifier: MIT
 * sweep_table: see sweep_table.h. */
#include "tui/report/sweep_table.h"

#include "formats/csv.h"
#include "formats/jsontext.h"
#include "formats/plain.h"
#include "tui/report/sweep_plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table ----
 * Choosing and reporting are kept apart here and not by whoever calls: where a setting is chosen on validation, the
 * others' results on test are in no form of the table, so nobody can choose by them after all. */

struct sweep_row {
    struct rt_interval valid, test, difference;
    bool told, differs; /* what it has on test is told; it is compared */
};

static struct sweep_row row_of(const struct rt_sweep_results *r, int setting, int chosen)
{
    struct sweep_row row;
    int compare = r->sweep->compare;
    rt_sweep_interval(r, r->valid, setting, &row.valid);
    row.told = !r->choose || setting == chosen || setting == compare;
    row.differs = row.told && setting != compare;
    rt_interval(&row.test, NULL, 0);
    rt_interval(&row.difference, NULL, 0);
    if (row.told)
        rt_sweep_interval(r, r->test, setting, &row.test);
    if (row.differs)
        rt_sweep_difference(r, setting, compare, &row.difference);
    return row;
}

static bool pair_told(const struct rt_sweep_results *r, int p, int chosen)
{
    const int *pair = r->sweep->pair[p];
    for (int side = 0; side < 2; side++)
        if (r->choose && pair[side] != chosen && pair[side] != r->sweep->compare)
            return false;
    return true;
}

static int differences_count(const struct rt_sweep_results *r, int chosen)
{
    int n = 0;
    for (int k = 0; k < r->sweep->settings; k++)
        n += row_of(r, k, chosen).differs;
    for (int p = 0; p < r->sweep->pairs; p++)
        n += pair_told(r, p, chosen);
    return n;
}

static const char *percent_text(double fraction, int width, char text[32])
{
    if (isnan(fraction))
        snprintf(text, 32, "%*s", width, "-");
    else
        snprintf(text, 32, "%*.1f", width, 100 * fraction);
    return text;
}

/* "+1.9 [0.3, 3.5]"; "+1.9 (each seed)" where all differ by the same; nothing where there is no difference. */
static const char *difference_text(const struct rt_interval *i, char text[64])
{
    *text = '\0';
    if (!isnan(i->mean) && isnan(i->low))
        snprintf(text, 64, "%+.1f%s", 100 * i->mean, i->n > 1 ? " (each seed)" : "");
    else if (!isnan(i->mean))
        snprintf(text, 64, "%+.1f [%.1f, %.1f]", 100 * i->mean, 100 * i->low, 100 * i->high);
    return text;
}

static int name_width(const struct rt_sweep *s)
{
    int widest = 7;
    for (int k = 0; k < s->settings; k++) {
        int n = (int)strlen(rt_sweep_setting_title(s, k));
        widest = n > widest ? n : widest;
    }
    return widest;
}

/* Text and Markdown: the same cells, with other lines between them. */
static void table_rows(const struct rt_sweep_results *r, bool markdown, int chosen, FILE *out)
{
    const struct rt_sweep *s = r->sweep;
    const char *between = markdown ? " | " : "  ", *edge = markdown ? "| " : "", *end = markdown ? " |" : "";
    const char *title = rt_sweep_metric_name(s->metric), *base = rt_sweep_setting_title(s, s->compare);
    int width = name_width(s);
    char head[64], a[32], b[32], c[32], d[64];
    rt_plain_print(out, "%s%-*s%s%3s", edge, width, "setting", between, "n");
    snprintf(head, sizeof head, "valid %s %%", title);
    if (r->choose)
        rt_plain_print(out, "%s%16s", between, head);
    snprintf(head, sizeof head, "test %s %%", title);
    rt_plain_print(out, "%s%15s%s%6s%sdifference to %s%s%s\n", between, head, between, "spread", between, base,
                   s->seeds > 1 ? " (95 % interval)" : "", end);
    if (markdown)
        rt_plain_print(out, "|---|---|%s---|---|---|\n", r->choose ? "---|" : "");
    for (int k = 0; k < s->settings; k++) {
        struct sweep_row row = row_of(r, k, chosen);
        rt_plain_print(out, "%s%-*s%s%3d", edge, width, rt_sweep_setting_title(s, k), between,
                       r->choose ? row.valid.n : row.test.n);
        if (r->choose)
            rt_plain_print(out, "%s%s", between, percent_text(row.valid.mean, 16, a));
        rt_plain_print(out, "%s%s%s%s%s%s%s\n", between, percent_text(row.test.mean, 15, b), between,
                       percent_text(row.test.sd, 6, c), between, difference_text(&row.difference, d), end);
    }
}

static void seeds_print(const struct rt_sweep *s, FILE *out)
{
    bool range = s->seeds > 2;
    for (int k = 1; k < s->seeds; k++)
        range &= s->seed[k] == s->seed[k - 1] + 1;
    if (range)
        fprintf(out, "Seeds %d to %d.", s->seed[0], s->seed[s->seeds - 1]);
    else
        for (int k = 0; k < s->seeds; k++)
            rt_plain_print(out, "%s%d%s", k ? ", " : s->seeds > 1 ? "Seeds " : "Seed ", s->seed[k],
                           k + 1 < s->seeds ? "" : ".");
}

/* What has to be known beside the numbers: pairs, seeds, what was chosen, how many differences were looked at. */
static void table_notes(const struct rt_sweep_results *r, bool markdown, int chosen, FILE *out)
{
    const struct rt_sweep *s = r->sweep;
    int looked = differences_count(r, chosen);
    char text[64];
    fputc('\n', out);
    for (int p = 0; p < s->pairs; p++) {
        struct rt_interval i;
        if (!pair_told(r, p, chosen))
            continue;
        rt_sweep_difference(r, s->pair[p][1], s->pair[p][0], &i);
        rt_plain_print(out, "%s%s less %s: %s\n", markdown ? "- " : "", rt_sweep_setting_title(s, s->pair[p][1]),
                       rt_sweep_setting_title(s, s->pair[p][0]), difference_text(&i, text));
    }
    if (s->pairs)
        fputc('\n', out);
    seeds_print(s, out);
    if (r->choose && chosen >= 0)
        rt_plain_print(out, " Chosen on validation by mean over these seeds, among %d: %s.", s->settings,
                       rt_sweep_setting_title(s, chosen));
    else if (r->choose)
        fputs(" Nothing was measured on validation, so nothing is chosen.", out);
    if (looked)
        rt_plain_print(out, " %d difference%s looked at%s.", looked, looked > 1 ? "s" : "",
                       s->seeds < 2 ? "; one seed: differences of a few points are noise"
                       : looked > 1 ? "; where nothing differs, one interval in twenty leaves out zero all the same"
                                     : "");
    for (int t = 0; t < s->teachers; t++)
        if (!isnan(r->teacher[t]))
            rt_plain_print(out, "\nTeacher %s on its test split: %.1f %%.", s->teacher[t].name, 100 * r->teacher[t]);
    fputc('\n', out);
}

/* ---- for programs: fractions, nothing rounded ---- */

static void csv_number(FILE *out, double v)
{
    if (isnan(v))
        fputc(',', out);
    else
        fprintf(out, ",%.9g", v);
}

static void table_csv(const struct rt_sweep_results *r, int chosen, FILE *out)
{
    const struct rt_sweep *s = r->sweep;
    fputs("setting,n,valid,valid_sd,test,test_sd,difference,low,high,compared_to\n", out);
    for (int k = 0; k < s->settings + s->pairs; k++) {
        bool pair = k >= s->settings;
        int setting = pair ? s->pair[k - s->settings][1] : k, base = pair ? s->pair[k - s->settings][0] : s->compare;
        struct sweep_row row = row_of(r, setting, chosen);
        if (pair && !pair_told(r, k - s->settings, chosen))
            continue;
        if (pair)
            rt_sweep_difference(r, setting, base, &row.difference);
        rt_csv_write_cell(out, rt_sweep_setting_title(s, setting));
        fprintf(out, ",%d", row.valid.n > row.test.n ? row.valid.n : row.test.n);
        const double v[] = {row.valid.mean, row.valid.sd, row.test.mean, row.test.sd,
                            row.difference.mean, row.difference.low, row.difference.high};
        for (size_t i = 0; i < sizeof v / sizeof *v; i++)
            csv_number(out, v[i]);
        fputc(',', out);
        if (row.differs || pair)
            rt_csv_write_cell(out, rt_sweep_setting_title(s, base));
        fputc('\n', out);
    }
}

static void json_member(FILE *out, const char *name, double v)
{
    rt_plain_print(out, ", \"%s\": ", name);
    rt_json_number(out, v);
}

static void json_values(FILE *out, const char *name, const double *v, int n)
{
    rt_plain_print(out, ", \"%s\": [", name);
    for (int i = 0; i < n; i++) {
        fputs(i ? ", " : "", out);
        rt_json_number(out, v[i]);
    }
    fputc(']', out);
}

static void json_interval(FILE *out, const struct rt_interval *i)
{
    json_member(out, "difference", i->mean);
    json_member(out, "low", i->low);
    json_member(out, "high", i->high);
}

static void table_json(const struct rt_sweep_results *r, int chosen, FILE *out)
{
    const struct rt_sweep *s = r->sweep;
    fputs("{\"name\": ", out);
    rt_json_text(out, s->name);
    rt_plain_print(out, ", \"metric\": \"%s\", \"differences_looked_at\": %d, \"compared_to\": ", s->metric,
                   differences_count(r, chosen));
    rt_json_text(out, rt_sweep_setting_title(s, s->compare));
    fputs(", \"chosen\": ", out);
    if (r->choose && chosen >= 0)
        rt_json_text(out, rt_sweep_setting_title(s, chosen));
    else
        fputs("null", out);
    fputs(", \"seeds\": [", out);
    for (int k = 0; k < s->seeds; k++)
        rt_plain_print(out, "%s%d", k ? ", " : "", s->seed[k]);
    fputs("],\n \"settings\": [", out);
    for (int k = 0; k < s->settings; k++) {
        struct sweep_row row = row_of(r, k, chosen);
        fputs(k ? ",\n  {\"name\": " : "\n  {\"name\": ", out);
        rt_json_text(out, rt_sweep_setting_title(s, k));
        json_member(out, "valid", row.valid.mean);
        json_values(out, "valid_of_seeds", r->valid + k * s->seeds, s->seeds);
        json_member(out, "test", row.test.mean);
        json_member(out, "spread", row.test.sd);
        json_values(out, "test_of_seeds", r->test + k * s->seeds, row.told ? s->seeds : 0);
        json_interval(out, &row.difference);
        fputc('}', out);
    }
    fputs("],\n \"pairs\": [", out);
    for (int p = 0, printed = 0; p < s->pairs; p++) {
        struct rt_interval i;
        if (!pair_told(r, p, chosen))
            continue;
        rt_sweep_difference(r, s->pair[p][1], s->pair[p][0], &i);
        fputs(printed++ ? ",\n  {\"name\": " : "\n  {\"name\": ", out);
        rt_json_text(out, rt_sweep_setting_title(s, s->pair[p][1]));
        fputs(", \"compared_to\": ", out);
        rt_json_text(out, rt_sweep_setting_title(s, s->pair[p][0]));
        json_interval(out, &i);
        fputc('}', out);
    }
    fputs("]}\n", out);
}

void rt_sweep_table_write(const struct rt_sweep_results *r, enum rt_sweep_form form, FILE *out)
{
    int chosen = r->choose ? rt_sweep_chosen(r) : -1;
    if (form == RT_SWEEP_CSV) {
        table_csv(r, chosen, out);
    } else if (form == RT_SWEEP_JSON) {
        table_json(r, chosen, out);
    } else if (form == RT_SWEEP_PLOT) {
        rt_sweep_plot_letters(r, out);
    } else {
        table_rows(r, form == RT_SWEEP_MARKDOWN, chosen, out);
        table_notes(r, form == RT_SWEEP_MARKDOWN, chosen, out);
    }
}
