/* SPDX-License-Identifier: MIT
 * options_shared: rows that several commands have, so that their words exist once. type and member: where the
 * request keeps the value (options.h). */
#ifndef RT_OPTIONS_SHARED_H
#define RT_OPTIONS_SHARED_H

#include "tui/cli/options.h"

#define RT_OPTION_QUIET(type, member, words) {'q', "quiet", NULL, words ", results only", RT_OPTION_FLAG(type, member)}

#define RT_OPTION_CACHE(type, member)                                                                                 \
    {0, "cache", "DIR", "where measures are kept", RT_OPTION_TEXT(type, member),                                      \
     .otherwise = "~/.cache/retort", .files = "/"}

/* Of a struct rt_table_view: which rows of a table, which columns, in which form. */
#define RT_OPTIONS_VIEW(type, member, example)                                                                        \
    {'w', "where", "EXPR", "only those for which this holds, as in '" example "'",                                    \
     RT_OPTION_TEXT(type, member.where)},                                                                             \
    {0, "sort", "COLUMN", "by a column; -COLUMN for descending", RT_OPTION_TEXT(type, member.sort)},                  \
    {0, "columns", "A,B", "only these columns; all: every one", RT_OPTION_TEXT(type, member.columns)},                \
    {0, "csv", NULL, "comma-separated values instead of an aligned table",                                            \
     RT_OPTION_PICK(type, member.form, RT_TABLE_CSV)},                                                                \
    {0, "json", NULL, "JSON instead of an aligned table", RT_OPTION_PICK(type, member.form, RT_TABLE_JSON)}

/* Of a struct rt_evaluation_request: how an ONNX file of another program is read, and what its classes are called. */
#define RT_OPTION_READING(type, member)                                                                               \
    {'s', "set", "teacher.KEY=VALUE",                                                                                 \
     "how an ONNX file of another program is read, as in a recipe: teacher.front.preset, teacher.embedding, ...",      \
     RT_OPTION_OWN(type, member, rt_take_teacher_setting), .word = rt_teacher_setting_word}
#define RT_OPTION_CLASSES(type, member)                                                                               \
    {0, "classes", "FILE", "names of the classes of an ONNX file of another program, one a line in the order of "     \
     "its outputs", RT_OPTION_TEXT(type, member), .otherwise = "those in its metadata, else numbers", .files = "*"}

/* Of a struct rt_evaluation_request: what is evaluated. */
#define RT_OPTIONS_EVALUATION(type, member, splits)                                                                   \
    {0, "split", "NAME", "the samples of this split: train, valid, test or all",                                      \
     RT_OPTION_CHOICE(type, member.split, rt_split_choices), splits},                                                 \
    RT_OPTION_READING(type, member),                                                                                  \
    RT_OPTION_CACHE(type, member.cache)
/* Of a struct rt_views: how a sample is shown to the network. */
#define RT_OPTIONS_VIEWS(type, member)                                                                                \
    {0, "whole", NULL, "whole recordings (of one longer than 5 minutes the middle 5), each in one piece",             \
     RT_OPTION_FLAG(type, member.whole),                                                                              \
     .otherwise = "where the network pools over time, unless the model's recipe says eval.whole: false"},             \
    {0, "crops", "N", "the mean over N crops of the recipe's speech.frames, evenly spaced: posteriors; embeddings of " \
     "length 1, so that a trial's score is the mean cosine over all pairs of crops",                                  \
     RT_OPTION_WHOLE(type, member.crops, 1, 1000)},                                                                   \
    {0, "flips", NULL, "the mean over each picture and its mirror image", RT_OPTION_FLAG(type, member.flips)}
/* Of a struct rt_predict_config: how files that come one after the other are run. */
#define RT_OPTIONS_PREDICT(type, member)                                                                              \
    {0, "batch", "N", "at most so many samples go through the network at one time; the answers are the same",         \
     RT_OPTION_WHOLE(type, member.batch, 1, 4096), .initial = "32"},                                                  \
    {0, "threads", "N", "threads, each of which reads files and runs the network",                                    \
     RT_OPTION_WHOLE(type, member.threads, 1, 256), .otherwise = "one for each processor"}
#define RT_ARGUMENTS_EVALUATION(type, member)                                                                         \
    {"DIR|MODEL", "a model and a manifest are needed", offsetof(type, member.model),                                  \
     .files = "*.safetensors *.onnx"},                                                                                \
    {"MANIFEST", "a model and a manifest are needed", offsetof(type, member.manifest), .files = "*.tsv"}

extern const char *const rt_split_choices[];
rt_option_take rt_take_teacher_setting; /* field: a struct rt_evaluation_request */
rt_option_word rt_teacher_setting_word, rt_setting_word; /* "train.lr=" */

#endif
