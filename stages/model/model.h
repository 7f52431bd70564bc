/* SPDX-License-Identifier: MIT
 * model: everything between a sample's file and its embedding and logits: front end, network, classes.
 * A student, a teacher and an exported file are all models. Kept in one safetensors file: weights under
 * "model.", text.idf as "front.idf", and metadata: retort.recipe (YAML), retort.classes (one a line),
 * retort.head, retort.temperature (where it is calibrated), retort.teacher ("dim classes scale kind shared", when the
 * network carries a teacher's head; retort.teacher2 of a second),
 * retort.scoring (how scores of trials become log likelihood ratios: session/scoring.h's text),
 * retort.network (nn/graph.h's text up to the embedding, when no preset makes it: student.net init).
 * A model is used by one thread at a time, except for reading. */
#ifndef RT_MODEL_H
#define RT_MODEL_H

#include "formats/recipe.h"
#include "formats/safetensors.h"
#include "pipeline/data/key.h"
#include "stages/modality/modality.h"
#include "stages/model/model_start.h"
#include "stages/nn/graph.h"

struct rt_trunk;   /* trunk.h */
struct rt_embedding_table; /* embedding_table.h */

#define RT_MODEL_SCORING "retort.scoring"

/* What a network carries of one of its teachers: its own embedding in the teacher's space, and the teacher's
 * frozen classifier on it. */
struct rt_model_teacher {
    int feature, head;   /* nodes, or -1; head -1 also when the teacher has no classifier */
    int dim, classes;    /* of the teacher's embedding and classifier */
    double scale;        /* logits = scale * head */
    bool shares_classes; /* the head speaks of the same classes in the same order */
};

struct rt_model {
    struct rt_recipe recipe; /* its own run's settings: front end and network */
    const struct rt_modality *modality;
    struct rt_front front; /* of recipe; idf owned */
    int classes;
    char **class_name; /* [classes] owned */
    bool whole; /* another program's network that hears recordings in full, from front.speech.frames frames on */
    struct rt_trunk *trunk; /* another program's ONNX: what lies before the graph, for net.c; else NULL */
    struct rt_embedding_table *table; /* a teacher without a network: no graph; else NULL */
    struct rt_graph *graph;
    int embedding, logits; /* nodes; logits -1: a teacher of features alone, 0 classes */
    int dim;               /* of the embedding */
    double scale;          /* logits = scale * node (AAM heads give cosines) */
    double temperature;    /* probabilities = softmax(logits / temperature); 1 unless somebody calibrated it */
    int teachers;
    struct rt_model_teacher teacher[RT_TEACHERS]; /* those behind are empty: nodes -1, sizes 0 */
    enum rt_head_id answer; /* from RT_HEAD_OWN on: no wish */
    char *scoring;          /* text of retort.scoring, or NULL; owned */
    struct rt_key128 key; /* of weights and front end; set by load */
};

/* A new network for recipe's student. class_name[classes] is copied. teacher: [teachers], at most RT_TEACHERS;
 * each one's classifier is copied in, frozen. start: whose network up to the embedding is taken when student.net is
 * init, else NULL. idf (text.buckets numbers, malloc'ed, or NULL) is taken over, also
 * on failure. The weights are initialised from recipe's seed. RT_EMISMATCH, RT_EMEM, RT_EUSAGE. */
int rt_model_create(struct rt_model *m, const struct rt_recipe *recipe,
                    const char *const *class_name, int classes, const struct rt_model *const *teacher,
                    int teachers, const struct rt_model *start, float *idf, struct rt_error *e);
void rt_model_fini(struct rt_model *m);
/* What student.net auto stands for, with so many training samples; another word stays. */
void rt_model_choose_net(struct rt_recipe *r, int samples);
/* The network's preset in a word; "ONNX" for another program's. */
const char *rt_model_net_name(const struct rt_model *m);
/* What was read and guessed of another program's file, for people; NULL: a model of ours, whose file says it all. */
const char *rt_model_about(const struct rt_model *m);
/* Its front end, and by what that was recognised, for people; NULL: a model of ours. */
const char *rt_model_front_words(const struct rt_model *m);

/* Adds weights and metadata to s. */
int rt_model_save(const struct rt_model *m, struct rt_safetensors *s);
/* Rebuilds a model from what rt_model_save wrote; name stands for the file in messages. */
int rt_model_restore(struct rt_model *m, const struct rt_safetensors *s, const char *name,
                     struct rt_error *e);
/* path: a model file, a checkpoint, an ONNX file that retort wrote (by its ending), or a run folder
 * (its model.safetensors, else its best, else its newest checkpoint). */
int rt_model_load(struct rt_model *m, const char *path, struct rt_error *e);
/* Puts a text into the metadata of the model at path (a run folder or a safetensors file), all else as it is; file says
 * which one it was. RT_EUSAGE: an ONNX file. */
#define RT_MODEL_FILE_NAME 4200
int rt_model_store_text(const char *path, const char *key, const char *text, char file[RT_MODEL_FILE_NAME],
                        struct rt_error *e);
/* Writes a temperature into the file that rt_model_load would read at path, and into *m; all else stays. RT_EUSAGE: an
 * ONNX file, which has to be exported anew. What the file cannot be written for. */
int rt_model_calibrate(struct rt_model *m, const char *path, double temperature, struct rt_error *e);
/* The recipe's k-th teacher.model: as rt_model_load, or an ONNX file read by its settings teacher.*: then
 * graph is its classifier alone, whose input is the embedding that the trunk gives; or embeddings in a .npy, still to
 * be matched with a manifest (embedding_table.h), which stand for what the student reads. */
int rt_model_load_teacher(struct rt_model *m, const struct rt_recipe *r, int k, struct rt_error *e);
/* A model to be used as it is: as rt_model_load, or an ONNX file of another program, read by r's settings
 * teacher.*, but for teacher.model. */
int rt_model_load_any(struct rt_model *m, const char *path, const struct rt_recipe *r, struct rt_error *e);
/* What recipe's student is to start from, out of the file at path: as rt_model_load, or an ONNX file of
 * another program (model_start.h), for student.net init only. about: in words, "" for a model of ours. student.front.*
 * of the recipe, where it is open, becomes what the file's metadata or the model say. */
int rt_model_load_start(struct rt_model *m, struct rt_recipe *recipe, const char *path,
                        const char *const *class_name, int classes, char about[RT_START_ABOUT],
                        struct rt_error *e);
/* Puts the classes of a loaded model into this order, with the rows of its classifier, where they are the same by name:
 * 1. 0: nothing to do, or they are not the same. RT_EMEM. Its key is then another one. */
int rt_model_order_classes(struct rt_model *m, const char *const *class_name, int classes);
/* Copies the weights both networks name alike (student.init); *copied counts them. A shape that does
 * not fit is refused by name, except for the class head, which is left as it is. */
int rt_model_start_from(struct rt_model *m, const struct rt_model *other, int *copied,
                        struct rt_error *e);

/* Another AAM scale (task.scale); a model without a cosine head stays as it is. Not while others use m. */
void rt_model_rescale(struct rt_model *m, double scale);

/* The answer's logits for n rows: own and head (the first teacher's) are the raw node outputs (head may be NULL). */
void rt_model_answer(const struct rt_model *m, enum rt_head_id head_choice, const float *own,
                     const float *head, int n, float *out);
#endif
