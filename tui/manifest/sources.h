/* SPDX-License-Identifier: MIT
 * sources: what a manifest can be made from: a folder of folders, folders of pairs, a spreadsheet's table,
 * a data folder of Kaldi, lines of JSON, tar shards, the tree of VoxCeleb. Each fills a table (made_table.h);
 * nothing is written here. */
#ifndef RT_MANIFEST_SOURCES_H
#define RT_MANIFEST_SOURCES_H

#include "tui/manifest/made_table.h"

/* Columns of a manifest that a CSV's columns can be mapped to. */
enum rt_made_role {
    RT_ROLE_ID,
    RT_ROLE_SPLIT,
    RT_ROLE_LABEL,
    RT_ROLE_GROUP,
    RT_ROLE_SPEECH,
    RT_ROLE_IMAGE,
    RT_ROLE_TEXT,
    RT_ROLES
};
extern const char *const rt_made_roles[RT_ROLES];

/* Whether splits are to be made: where the source has none, in any case, or not at all. */
enum rt_made_splits { RT_SPLITS_IF_NONE, RT_SPLITS_NEW, RT_SPLITS_KEEP };

#define RT_MADE_FILES 8
struct rt_made_files { /* of an option that may be given several times */
    const char *path[RT_MADE_FILES];
    int count;
};

struct rt_made_options {
    const char *source;         /* ROOT or FILE */
    const char *output_folder;  /* absolute; paths are written relative to it */
    const char *const *folder;  /* pairs: all its folders */
    int folders;
    const char *modality;       /* folders: "speech", "image", "text"; NULL = found from the files */
    const char *root;           /* csv, jsonl: what its paths are relative to; NULL = the file's folder;
                                 * kaldi: the current one */
    struct rt_made_files allow; /* kaldi: programs that commands in wav.scp may run */
    bool search;                /* csv: files are looked for anywhere below root, by path or name, with or without
                                 * ending; where no column is the label, the folder below root is, and files that no
                                 * row names are rows of their own */
    char delimiter;             /* csv: 0 = found from the first line */
    const char *role[RT_ROLES]; /* csv: the column that plays each part; NULL = one of that name */
    enum rt_made_splits splits;
    uint64_t seed;
    /* voxceleb */
    const char *faces;           /* folder of pictures; NULL = none */
    struct rt_made_files names;  /* tables of ids and names */
    int faces_each;              /* pictures, and so rows, of a training recording */
    struct rt_made_files trials; /* lists to be scored later: who is in them is not learned from */
    const char *valid_trials;    /* list to be written, of people who are held out, too; NULL = none */
    int valid_people;
};

/* A source's rows. notes: a line for the person who asked (files left out and why), or "".
 * RT_EUSAGE for what other options would cure, else RT_E... with file, line and value. names holds
 * what t->column points to, and must outlive t. */
struct rt_made_notes {
    char text[1000];
    char *names;
    char *trials; /* what o->valid_trials gets once the manifest is written, or NULL; malloc'ed, of trials_size bytes */
    size_t trials_size;
};
typedef int rt_made_source(struct rt_made_table *t, const struct rt_made_options *o,
                           struct rt_made_notes *notes, struct rt_error *e);
rt_made_source rt_made_folders, rt_made_pairs, rt_made_csv, rt_made_kaldi, rt_made_jsonl, rt_made_webdataset,
    rt_made_voxceleb;

/* The split that is meant by the names that others use ("dev", "training"); NULL when none is. */
const char *rt_made_split_word(const char *cell);

#endif
