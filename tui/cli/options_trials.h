/* SPDX-License-Identifier: MIT
 * options_trials: rows of the options about verification trials, of a struct rt_eval_trials_request. */
#ifndef RT_OPTIONS_TRIALS_H
#define RT_OPTIONS_TRIALS_H

#include "tui/cli/options.h"
#include "tui/report/eval_trials.h"

rt_option_take rt_take_priors;         /* "0.01,0.05"; field: a struct rt_prior_list */
rt_option_take rt_take_scoring_inputs; /* "duration,norm"; field: bool [RT_SCORING_INPUTS] */
rt_option_word rt_scoring_input_word;

/* Of a struct rt_scoring_request: how pairs are scored. */
#define RT_OPTIONS_SCORING(type, member)                                                                              \
    {0, "cohort", "MANIFEST|train", "other people, whose embeddings are averaged by label: scores are normalised by "  \
     "them (AS-Norm)", RT_OPTION_TEXT(type, member.cohort), .files = "*.tsv"},                                        \
    {0, "cohort-top", "N", "nearest of the cohort, of each side, that AS-Norm takes; 0 = no AS-Norm",                 \
     RT_OPTION_WHOLE(type, member.top, 0, 1000000), .initial = "300"},                                                \
    {0, "centre", NULL, "take the cohort's mean off every embedding", RT_OPTION_FLAG(type, member.centre)}

#define RT_OPTIONS_TRIALS(type, member)                                                                               \
    {0, "trials", "FILE",                                                                                             \
     "verification over the pairs in FILE, lines `1 ENROL TEST` (same class) or `0 ENROL TEST`, by id or path "       \
     "(VoxCeleb's format): EER, minDCF, Cllr",                                                                        \
     RT_OPTION_TEXT(type, member.trials), .files = "*"},                                                              \
    {0, "p-target", "P,...", "priors of a target trial in minDCF and actDCF",                                         \
     RT_OPTION_OWN(type, member.prior, rt_take_priors), .initial = "0.05"},                                           \
    {0, "scores", "FILE", "write the scores of all trials, tab-separated", RT_OPTION_TEXT(type, member.scores),       \
     .files = "*"},                                                                                                   \
    {0, "det", NULL, "the detection error tradeoff, drawn", RT_OPTION_FLAG(type, member.det)},                        \
    {0, "det-svg", "FILE", "the same as SVG", RT_OPTION_TEXT(type, member.det_svg), .files = "*"},                    \
    {0, "false-alarms", "R", "the threshold that lets at most this fraction of the others pass, and its misses",      \
     RT_OPTION_REAL(type, member.false_alarm, 0, 1), .between = true},                                                \
    RT_OPTIONS_SCORING(type, member.scoring),                                                                         \
    {0, "calibrate-trials", "FILE", "fit the calibration of scores on these other trials, for the first --p-target, " \
     "and store it with the model; later scores made the same way are log likelihood ratios, with actDCF",            \
     RT_OPTION_TEXT(type, member.calibrate), .files = "*"},                                                           \
    {0, "calibrate-by", "A,B", "what the calibration takes besides the score, of both sides: duration, norm (of the " \
     "embedding), quality (product of the knees)",                                                                    \
     RT_OPTION_OWN(type, member.by, rt_take_scoring_inputs), .word = rt_scoring_input_word}

#endif
