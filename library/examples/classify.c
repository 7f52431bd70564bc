/* SPDX-License-Identifier: MIT
 * classify: what a model says of files. cc classify.c $(pkg-config --cflags --libs retort)
 * Usage: classify MODEL FILE...   Prints file, label, probability, and the embedding's first number. */
#include <retort.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    struct retort *r;
    struct retort_about about;
    struct retort_error e;
    int failed = 0;
    if (argc < 3) {
        fprintf(stderr, "usage: %s MODEL FILE...\n", argv[0]);
        return 2;
    }
    if (retort_open(&r, argv[1], NULL, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    retort_describe(r, &about);
    float *embedding = malloc((size_t)about.embedding * sizeof *embedding);
    for (int i = 2; embedding && i < argc; i++) {
        struct retort_answer a = {.embedding = embedding};
        if (retort_file(r, argv[i], &a, &e) < 0) {
            fprintf(stderr, "%s\n", e.text);
            failed = 1;
            continue;
        }
        const char *label = about.classes ? retort_label(r, a.label) : "-";
        printf("%s\t%s\t%.9g\t%.9g\n", argv[i], label, a.probability, embedding[0]);
    }
    free(embedding);
    retort_close(r);
    return failed;
}
