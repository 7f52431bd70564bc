#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# A student that starts from an ONNX file of another program (PyTorch's, tests/golden/student_*.onnx): it
# trains, stops, goes on and is repeated without the file, is measured, leaves as ONNX and teaches; what
# does not fit is refused before the data is read.
"""Usage: test_start.py PATH/TO/retort"""

import os
import shutil
import signal
import time
import unittest

from end_to_end import (LABELS, LONG, PATIENCE, SPEECH, EndToEnd, digest, last_checkpoint, plain_only, read_npy,
                        read_tensors, settings)
from onnx_file import constant, field, node, value

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden")
INIT = {"student.net": "init", "train.epochs": "2"}
IMAGE = {"student.modality": "image", "image.size": "24", "train.batch": "12", "train.threads": "1",
         "pipeline.decoders": "1", **INIT}
NETWORKS = {"xvector": {**SPEECH, **INIT}, "ecapa": {**SPEECH, **INIT}, "encoder": {**SPEECH, **INIT},
            "mobile": IMAGE, "patches": IMAGE, "activations": IMAGE, "sizes": IMAGE, "choices": IMAGE}


class Start(EndToEnd):
    def network(self, name):
        """A copy of the file, to be removed."""
        path = self.path(name + ".onnx")
        shutil.copy(os.path.join(GOLDEN, "student_%s.onnx" % name), path)
        return path

    def outcome(self, run):
        files = ("model.safetensors", "checkpoints/best.safetensors", "init.safetensors")
        found = [digest(self.path(run, name)) for name in files]
        return found + [digest(last_checkpoint(self.path(run)))]

    def losses(self, run):
        return [v for v, in self.query(run, "SELECT value FROM metrics WHERE name='loss' AND split='train' "
                                            "ORDER BY epoch")]

    def test_every_network(self):
        """Trains; leaves as ONNX; its file, read again, is the same model; the run can be repeated."""
        for name, group in NETWORKS.items():
            with self.subTest(name):
                path = self.network(name)
                self.train(name, group, student__init=path, train__epochs=4, train__lr="0.003")
                loss = self.losses(name)
                self.assertLess(loss[-1], loss[0])
                os.remove(path)
                out, _ = self.retort("export", name, "-o", name + ".out.onnx")
                self.says(out, " init, embedding ", "4 classes")
                out, _ = self.retort("export", "--check", name + ".out.onnx")
                self.says(out, " init, opset 13", "off the golden outputs by")
                words = [self.manifest, "--split", "all", "--json"]
                self.assertEqual(self.retort("eval", name, *words)[0],
                                 self.retort("eval", name + ".out.onnx", *words)[0])
                out, _ = self.retort("replay", name, "-q")
                self.says(out, "replay    identical to step 12")

    @plain_only
    def test_threads(self):
        for name in ("mobile", "encoder"):
            path = self.network(name)
            self.train(name + "1", NETWORKS[name], student__init=path)
            self.train(name + "3", NETWORKS[name], student__init=path, train__threads=3, pipeline__decoders=3)
            a, b = (read_tensors(self.path(name + n, "model.safetensors"))[0] for n in "13")
            self.assertEqual(a, b)

    def test_stopped_and_resumed_without_the_file(self):
        path = self.network("xvector")
        study = dict(NETWORKS["xvector"], **{"student.init": path, "train.epochs": str(LONG * 3 // 10)})
        self.train("whole", study)
        run = self.start("run", self.recipe, "-q", "-o", "hit", *settings(study))
        self.addCleanup(run.kill)
        deadline = time.monotonic() + PATIENCE
        while run.poll() is None and time.monotonic() < deadline:
            if os.path.exists(self.path("hit/checkpoints")) and \
                    any(n.startswith("step-") for n in os.listdir(self.path("hit/checkpoints"))):
                break
            time.sleep(0.002)
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=PATIENCE)
        self.assertEqual(run.returncode, 130)
        os.remove(path)
        self.retort("run", "--resume", "-q", "-o", "hit")
        self.assertEqual(self.outcome("whole"), self.outcome("hit"))

    def test_embeddings_are_those_of_the_file(self):
        """Before any update that is felt, the network gives what the file's does: rows differ, and follow
        the layout that the graph asks for."""
        path = self.network("ecapa")
        _, err = self.retort("run", self.recipe, "-o", "e", *settings(NETWORKS["ecapa"], student__init=path))
        self.says(err, "student.init: nchw speech, embedding 'embedding' (12), a new classifier",
                  "tensors taken over")
        self.retort("embed", "e", self.manifest, "-o", "e.npy")
        shape, values = read_npy(self.path("e.npy"))
        self.assertEqual(shape, (60, 12))
        self.assertGreater(len(set(values[::12])), 50)

    def test_classifier_kept_when_classes_agree(self):
        path = self.network("patches")
        _, err = self.retort("run", self.recipe, "-o", "p", *settings(IMAGE, student__init=path))
        self.says(err, "nchw pictures, embedding 'embedding' (16), its classifier kept")
        start = read_tensors(self.path("p", "init.safetensors"))[0]
        with open(path, "rb") as f:
            self.assertIn(start["model.logits.weight"][2], f.read())
        _, err = self.retort("run", self.recipe, "-o", "q", *settings(IMAGE, student__init=path, task__loss="aam"))
        self.says(err, "a new classifier")

    def test_named_output_and_scale(self):
        path = self.network("mobile")
        _, err = self.retort("run", self.recipe, "-o", "m", *settings(
            IMAGE, student__init=path, student__output="logits", student__front__mean="0.485,0.456,0.406",
            student__front__std="0.229,0.224,0.225"))
        self.says(err, "embedding 'logits' (5), a new classifier",
                  "front end as of networks of ours, as neither the file nor student.front.preset says which")
        self.assertIn("model.scale.weight", read_tensors(self.path("m", "model.safetensors"))[0])

    def test_weights_as_nodes_and_probabilities(self):
        """As Paddle's exporter writes them: the embedding is what the classifier reads, and all weights are trained."""
        path = self.path("paddle.onnx")
        graph = node("GlobalAveragePool", "p", "x", "pool") + node("Flatten", "f", "pool", "flat") + \
            field(1, field(1, "flat") + field(1, "weight") + field(2, "features") + field(4, "MatMul")) + \
            field(1, field(1, "features") + field(1, "matrix") + field(2, "logits") + field(4, "MatMul")) + \
            node("Softmax", "s", "logits", "y") + field(2, "g") + constant("weight", *range(24), dims=(3, 8)) + \
            constant("matrix", *range(56), dims=(8, 7)) + value(11, "x", "batch", 3, 24, 24) + value(12, "y", "batch", 7)
        with open(path, "wb") as f:
            f.write(field(1, 9) + field(8, field(2, 13)) + field(7, graph))
        _, err = self.retort("run", self.recipe, "-o", "p", *settings(IMAGE, student__init=path, train__lr="0.01"))
        self.says(err, "embedding 'features' (8), a new classifier")
        before = read_tensors(self.path("p", "init.safetensors"))[0]["model.2.MatMul.weight"]
        after = read_tensors(self.path("p", "model.safetensors"))[0]["model.2.MatMul.weight"]
        self.assertEqual((before[1], before[2] == after[2]), (after[1], False))

    def test_front_end(self):
        """A student's file is read as a teacher's: by a preset, or by what its metadata say, which the run keeps."""
        path, named = self.network("xvector"), self.path("named.onnx")
        shutil.copy(path, named)
        with open(named, "ab") as f:  # metadata_props of a ModelProto may stand anywhere in it
            for key, value in ((b"framework", b"3d-speaker"), (b"normalize_samples", b"0")):
                pair = b"\x0a%c%b\x12%c%b" % (len(key), key, len(value), value)
                f.write(b"\x72%c%b" % (len(pair), pair))
        started = settings(SPEECH, INIT, train__epochs=1)
        _, err = self.retort("run", self.recipe, "-o", "w", *started, *settings(
            student__init=path, student__front__preset="wespeaker", student__front__window="hann"))
        self.says(err, "front end wespeaker, as student.front.preset says: features=fbank bands=40 scale=32768 "
                  "window=hann")
        _, err = self.retort("run", self.recipe, "-o", "d", *started, *settings(student__init=named))
        self.says(err, "front end 3dspeaker, by the file's metadata (framework: 3d-speaker): features=fbank bands=40 "
                  "scale=32768 window=povey")
        with open(self.path("d", "recipe.yaml"), encoding="utf-8") as f:
            recipe = f.read()
        front = recipe[recipe.index("  front:"):recipe.index("teacher:")]
        self.says(front, "preset: 3dspeaker", "scale: 32768", "window: povey")
        self.assertNotEqual(*(read_tensors(self.path(run, "model.safetensors"))[0] for run in "dw"))
        # the run goes on without the file
        os.remove(named)
        before = read_tensors(self.path("d", "model.safetensors"))[0]
        self.retort("run", self.recipe, "--resume", "-o", "d", *started, *settings(student__init=named))
        self.assertEqual(read_tensors(self.path("d", "model.safetensors"))[0], before)
        # what another front end would make of it is another run
        _, err = self.retort("run", "--resume", "-o", "w", "-s", "student.front.window=hamming", code=2)
        self.says(err, "student.front.window", "hann", "hamming", "--resume")
        for words, given in (
                (("student.front.preset: imagenet is not for a student that reads speech", "kaldi"),
                 settings(student__front__preset="imagenet")),
                (("student.front.features: whisper is for teachers",), settings(student__front__preset="whisper")),
                (("student.front.low", "not below"), settings(student__front__preset="kaldi", student__front__low=7000,
                                                              student__front__high=6000))):
            _, err = self.retort("run", self.recipe, "-o", "none", *started, *settings(student__init=path), *given,
                                 code=None)
            self.says(err, *words)

    def test_teaches_and_is_started_from(self):
        """A student born from ONNX is a model as any other."""
        self.train("t", IMAGE, student__init=self.network("mobile"))
        self.train("s", SPEECH, teacher__model=self.path("t"), distill__cosine__lambda=1,
                   distill__head_kl__lambda=1, train__epochs=1)
        self.train("again", IMAGE, student__init=self.path("t"), train__epochs=1)
        self.assertEqual(read_tensors(self.path("t", "model.safetensors"))[1]["retort.network"],
                         read_tensors(self.path("again", "model.safetensors"))[1]["retort.network"])
        self.train("taught", {**SPEECH, **INIT}, student__init=self.network("xvector"), task__loss="aam",
                   teacher__model=self.path("t"), distill__cosine__lambda=1)
        self.retort("export", "taught", "-o", "taught.onnx")
        self.retort("export", "--check", "taught.onnx")

    def test_what_does_not_fit(self):
        xvector, mobile = self.network("xvector"), self.network("mobile")
        cases = (
            ("student.init", "was not written by retort", "student.net: init",
             settings(SPEECH, student__init=xvector)),
            ("student.net: init takes the network of student.init", "not given", settings(SPEECH, INIT)),
            ("input 'input' [?,48,40]", "gives 48 frames of 64 bands",
             settings(SPEECH, INIT, student__init=xvector, speech__bands=64)),
            ("input 'input' [?,48,40]", "gives 50 frames of 40 bands",
             settings(SPEECH, INIT, student__init=xvector, speech__frames=50)),
            ("input 'input' [?,48,40]", "student.front.layout",
             settings(SPEECH, INIT, student__init=xvector, student__layout="nchw")),
            ("input 'input' [?,3,24,24]", "speech has 3 dimensions",
             settings(SPEECH, INIT, student__init=mobile)),
            ("input 'input' [?,48,40]", "a picture has 4 dimensions", settings(IMAGE, student__init=xvector)),
            ("cannot start from a file of another program", "text",
             settings(IMAGE, student__init=xvector, student__modality="text")),
            ("there is no value named 'body'", "its outputs begin with 'embedding'",
             settings(IMAGE, student__init=mobile, student__output="body")),
            ("student.front.std", "above 0", settings(IMAGE, student__init=mobile, student__front__std="0")),
            ("student.front.mean", "not one number or three",
             settings(IMAGE, student__init=mobile, student__front__mean="a")),
        )
        for *words, given in cases:
            with self.subTest(words[0]):
                _, err = self.retort("run", self.recipe, "-o", "none", *given, code=None)
                self.says(err, *words)
                self.assertFalse(os.path.exists(self.path("none")))

    def test_measured_as_it_is(self):
        """eval, embed and predict on the file itself, without a run: read as the settings say, classes by name."""
        path = self.network("mobile")
        words = (path, self.manifest, "--split", "all")
        out, err = self.retort("embed", *words, "-o", "a.npy")
        rows = len(out.split())
        self.assertGreater(rows, 10)
        a = read_npy(self.path("a.npy"))
        self.assertEqual(a[0][0], rows)
        out, _ = self.retort("embed", *words, "-o", "b.npy", "-s", "teacher.front.mean=0.5",
                             "-s", "teacher.front.std=0.5")
        self.assertEqual(len(out.split()), rows)
        self.assertNotEqual(read_npy(self.path("b.npy")), a)
        self.retort("embed", *words, "-o", "c.npy", "-s", "teacher.logits=none")
        self.assertEqual(read_npy(self.path("c.npy"))[0][0], rows)
        _, err = self.retort("eval", *words)
        self.says(err, "labels are not among the model's 5 classes")
        labels = sorted(LABELS)
        with open(self.path("names"), "w", encoding="utf-8") as f:
            f.write("\n".join((labels + ["x"] * 5)[:5]) + "\n")
        out, err = self.retort("eval", *words, "--classes", "names", "--json")
        self.says(out, '"samples": %d' % rows, '"top1"')
        out, _ = self.retort("predict", path, self.manifest, "--classes", "names", "--csv", "--top", "5")
        self.assertEqual(len(out.splitlines()), rows + 1)
        self.assertEqual(sorted(out.splitlines()[1].split(",")[1:11:2]), sorted((labels + ["x"] * 5)[:5]))
        for code, says, *more in ((2, "-s train.lr=1", "-s", "train.lr=1"), (2, "teacher.model", "-s", "teacher.model=x"),
                                  (2, "has no classifier", "-s", "teacher.logits=none"),
                                  (None, "nowhere", "--classes", "nowhere"),
                                  (None, "the model has 5 classes", "--classes", self.manifest)):
            _, err = self.retort("eval", *words, *more, code=code)
            self.says(err, says)
        self.train("own", IMAGE, student__init=path)
        for more in (("-s", "teacher.front.mean=1"), ("--classes", "names")):
            _, err = self.retort("eval", "own", self.manifest, *more, code=2)
            self.says(err, "is a model of retort")

    def test_operators_without_a_gradient(self):
        """By node, operator and opset, before the data is read."""
        path = self.network("activations")
        with open(path, "rb") as f:
            whole = f.read()
        with open(path, "wb") as f:
            f.write(whole.replace(b"ReduceMean", b"ReduceProd"))
        _, err = self.retort("run", self.recipe, "-o", "none", *settings(IMAGE, student__init=path), code=None)
        self.says(err, "student.init: ", "activations.onnx: node \"/ReduceProd\" (ReduceProd, opset 16)", "no gradient")
        decoder = os.path.join(GOLDEN, "onnx_decoder.onnx")
        _, err = self.retort("run", self.recipe, "-o", "none", *settings(IMAGE, student__init=decoder), code=None)
        self.says(err, "onnx_decoder.onnx: input 'input' [2,3,12,14]: a batch of fixed size")

    def test_broken_files(self):
        path = self.network("activations")
        with open(path, "rb") as f:
            whole = f.read()
        cuts = [0, 1, 100, len(whole) // 2, len(whole) - 1]
        for data in [whole[:n] for n in cuts] + [whole.replace(b"Softplus", b"Softplux"),
                                                 whole.replace(b"Elu", b"Elv"), b"nothing"]:
            with open(path, "wb") as f:
                f.write(data)
            _, err = self.retort("run", self.recipe, "-o", "none", *settings(IMAGE, student__init=path), code=None)
            self.says(err, "student.init: ", "activations.onnx")
            self.assertFalse(os.path.exists(self.path("none")))


if __name__ == "__main__":
    unittest.main()
