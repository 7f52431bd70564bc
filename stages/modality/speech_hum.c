/* SPDX-License-Identifier: MIT
 * speech_hum: see speech_hum.h. Windows of 0.2 s, in which 50 and 60 Hz are told apart: 10 Hz is
 * where a line is gone from a Hann window of that length. */
#include "stages/modality/speech_hum.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define DECIMATE 8 /* to 2 kHz: lines are looked for up to 300 Hz */
#define RATE (16000 / DECIMATE)
#define WINDOW (RATE / 5)
#define WINDOWS_MAX 60
#define HARMONICS 5
#define BESIDE 10.0 /* Hz from a line to where it is gone */
#define LOWEST -80.0

/* ---- lines ----
 * Hum is there all the time, a voice is not: of all windows the quiet fifth says how strong a line is,
 * each harmonic by itself, since a voice may stand on one of them for long. Sound that is no line,
 * rumble for instance, is as strong 10 Hz beside it, and is taken off. */

/* Power of the sine of `frequency` in x [WINDOW]. */
static double hum_power(const float *x, double frequency)
{
    double turn = 2 * M_PI * frequency / RATE, k = 2 * cos(turn), s1 = 0, s2 = 0;
    for (int i = 0; i < WINDOW; i++) {
        double s = x[i] + k * s1 - s2;
        s2 = s1;
        s1 = s;
    }
    double magnitude = s1 * s1 + s2 * s2 - k * s1 * s2, weights = WINDOW / 2.0;
    return 2 * magnitude / (weights * weights);
}

/* Window w of `windows`, spread over the recording, at 2 kHz and weighted; false when all of it is 0. */
static bool hum_window(const float *sample, int64_t count, int w, int windows, float x[WINDOW])
{
    int64_t slack = count - WINDOW * DECIMATE, from = windows > 1 ? slack * w / (windows - 1) : 0;
    bool is_sound = false;
    for (int i = 0; i < WINDOW; i++) {
        float sum = 0;
        for (int k = 0; k < DECIMATE; k++)
            sum += sample[from + i * DECIMATE + k];
        x[i] = sum / DECIMATE * (float)(0.5 - 0.5 * cos(2 * M_PI * i / WINDOW));
        is_sound = is_sound || sum != 0;
    }
    return is_sound;
}

static int hum_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double rt_speech_hum(const float *sample, int64_t count, double speech)
{
    static const double base[2] = {50, 60};
    double line[2 * HARMONICS][WINDOWS_MAX], sum[2] = {0};
    float x[WINDOW];
    int64_t most = count / (WINDOW * DECIMATE) * 2 - 1;
    int windows = most < WINDOWS_MAX ? (int)most : WINDOWS_MAX, some = 0;
    if (windows < 1)
        return NAN;
    for (int i = 0; i < windows; i++) {
        if (!hum_window(sample, count, i, windows, x))
            continue; /* digital silence holds nothing, hum neither */
        for (int h = 0; h < 2 * HARMONICS; h++) {
            double f = base[h / HARMONICS] * (h % HARMONICS + 1);
            double beside = (hum_power(x, f - BESIDE) + hum_power(x, f + BESIDE)) / 2;
            line[h][some] = fmax(hum_power(x, f) - beside, 0);
        }
        some++;
    }
    for (int h = 0; h < 2 * HARMONICS; h++) {
        qsort(line[h], (size_t)some, sizeof line[h][0], hum_compare);
        sum[h / HARMONICS] += some ? line[h][some / 5] : 0;
    }
    return fmax(10 * log10(fmax(sum[0], sum[1]) / speech + 1e-30), LOWEST);
}
