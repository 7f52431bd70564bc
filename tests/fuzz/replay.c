/* SPDX-License-Identifier: MIT
 * replay: main() of every fuzz target in the ordinary test run, where there is no fuzz engine. Runs
 * each file of the folders given as arguments through the target: whole, cut short and with single
 * bytes changed. Inputs lie in blocks of their exact size, so that a sanitizer sees any read
 * beyond. A missing or empty folder is a failure. tests/fuzz/run is the real fuzzing. */
#include "formats/file.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of a longer file: as many at its start, and as many spread over it. */
static size_t places = 256;
static unsigned long inputs;

/* Runs the first size bytes, with the byte at `at` (when < size) replaced by value. */
static void run(const uint8_t *data, size_t size, size_t at, uint8_t value)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) {
        fprintf(stderr, "replay: out of memory for %zu bytes\n", size);
        exit(1);
    }
    memcpy(copy, data, size);
    if (at < size)
        copy[at] = value;
    LLVMFuzzerTestOneInput(copy, size);
    inputs++;
    free(copy);
}

static void run_variants(const uint8_t *data, size_t size)
{
    size_t step = size <= 2 * places ? 1 : (size - places) / places;
    run(data, size, size, 0);
    for (size_t at = 0; at < size; at += at < places ? 1 : step) {
        run(data, at, at, 0);
        run(data, size, at, data[at] ^ 1);
        run(data, size, at, data[at] ^ 0x80);
        run(data, size, at, 0xFF);
    }
}

/* Gives the number of files replayed, or -1 after a message. */
static int replay_folder(const char *folder)
{
    int files = 0;
    DIR *d = opendir(folder);
    if (!d) {
        perror(folder);
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(d));) {
        char path[4096];
        uint8_t *bytes;
        size_t size;
        struct rt_error e;
        if (entry->d_name[0] == '.' || entry->d_type == DT_DIR)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (rt_file_read(path, RT_FILE_MAX, &bytes, &size, &e)) {
            fprintf(stderr, "replay: %s\n", e.text);
            files = -1;
            break;
        }
        run_variants(bytes, size);
        free(bytes);
        files++;
    }
    closedir(d);
    if (files == 0)
        fprintf(stderr, "replay: %s: no files; add inputs of every kind the reader takes\n",
                folder);
    return files;
}

int main(int argc, char **argv)
{
    int files = 0;
    int first = argc > 2 && strcmp(argv[1], "-p") == 0 ? 3 : 1;
    if (first == 3)
        places = strtoul(argv[2], NULL, 10);
    if (argc <= first || places < 1) {
        fprintf(stderr, "usage: %s [-p PLACES] FOLDER...\n", argv[0]);
        return 2;
    }
    for (int i = first; i < argc; i++) {
        int n = replay_folder(argv[i]);
        if (n <= 0)
            return 1;
        files += n;
    }
    printf("%d files, %lu inputs\n", files, inputs);
    return 0;
}
