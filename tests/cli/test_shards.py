#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Data as people keep it: the same samples as files, in tar shards, and as parts of long recordings give the same bytes;
# noise and rooms do, whatever the number of decoders; tables of Kaldi, NeMo, lhotse and webdataset become manifests;
# what is wrong in them is named.
"""Usage: test_shards.py PATH/TO/retort"""

import glob
import io
import json
import os
import shutil
import sqlite3
import struct
import tarfile
import time
import unittest
import zlib

from end_to_end import PATIENCE, EndToEnd, SPEECH, digest, read_tensors, settings, voice, wav, write_manifest

RUN = dict(SPEECH, **{"train.epochs": "2", "train.batch": "8", "student.width": "8"})
SAMPLES = [("s%02d" % i, "train" if i < 12 else "valid" if i < 15 else "test", "ab"[i % 2]) for i in range(18)]


def sound(i):
    return voice(110 if i % 2 == 0 else 190, i, 0.3)


def png(rows):
    """A picture of rows of RGB."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) +
            chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))) + chunk(b"IEND", b""))


class Shards(EndToEnd):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plain = os.path.join(cls.root, "plain")
        os.mkdir(cls.plain)
        for i, (name, _, _) in enumerate(SAMPLES):
            with open(os.path.join(cls.plain, name + ".wav"), "wb") as f:
                f.write(wav(sound(i)))
        for folder in ("musan/noise", "musan/music", "rirs/real"):
            os.makedirs(os.path.join(cls.root, folder))
        for path, x in (("musan/noise/hum.wav", voice(60, 91, 1)), ("musan/music/tune.wav", voice(400, 92, 0.2)),
                        ("rirs/real/room.wav", [0.9 * (k == 40) + 0.3 * (-1) ** k * 0.995 ** k * (k > 40)
                                                for k in range(800)])):
            with open(os.path.join(cls.root, path), "wb") as f:
                f.write(wav(x))

    def put(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return self.path(name)

    def get(self, path):
        with open(path, "rb") as f:
            return f.read()

    def pack(self, name, members, form=tarfile.PAX_FORMAT):
        with tarfile.open(self.path(name), "w", format=form) as tar:
            for member, data in members:
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return self.path(name)

    def query_write(self, run, sql):
        db = sqlite3.connect(self.path(run, "run.db"))
        with db:
            db.execute(sql)
        db.close()

    def run_on(self, table, columns, output, code=0, **more):
        """A run on this table, which always lies at the same path, so that all that a model says of it is equal."""
        write_manifest(os.path.join(self.root, "m.tsv"), table, ("id", "split", "label") + columns)
        recipe = os.path.join(self.root, "shards.yaml")
        with open(recipe, "w", encoding="utf-8") as f:
            f.write("data: {manifest: m.tsv}\nseed: 3\n")
        return self.retort("run", recipe, "-o", output, "-q", "--headless", *settings(RUN, **more), code=code)

    def rows(self, files):
        return [list(sample) + (file if isinstance(file, list) else [file]) for sample, file in zip(SAMPLES, files)]

    def files(self):
        return [os.path.join(self.plain, name + ".wav") for name, _, _ in SAMPLES]

    # ---- the same samples, the same bytes ----

    def test_same_bytes(self):
        plain = [self.get(path) for path in self.files()]
        long_name = "d" * 120 + "/"
        for k, form in enumerate((tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)):
            self.pack("x-%d.tar" % k, [((long_name if k else "./") + SAMPLES[i][0] + ".wav", plain[i])
                                       for i in range(k, 18, 3)], form)
        shards = [self.path("x-%d.tar!/%s%s.wav" % (i % 3, long_name if i % 3 else "", SAMPLES[i][0]))
                  for i in range(18)]
        # One long recording; each sample is in its second channel, and something else before, behind and beside it.
        parts, left, right = [], [], []
        for i in range(18):
            right += [0.1] * 777
            parts.append([self.path("long.wav"), repr(len(right) / 16000), repr((len(right) + 4800) / 16000), "1"])
            right += sound(i)
            left += [0.3 * x for x in right[len(left):][::-1]]
        self.put("long.wav", wav(left, right))
        self.pack("long.tar", [("a", b"x"), ("long.wav", self.get(self.path("long.wav")))])
        packed = [[part[0].replace("long.wav", "long.tar!/long.wav")] + part[1:] for part in parts]
        more = {"augment.noise": "0.5", "augment.speed": "0.1", "augment.noise_kinds": "babble 5 10"}
        got = {}
        for name, files, columns in (("plain", self.files(), ()), ("shards", shards, ()),
                                     ("parts", parts, ("start", "end", "channel")),
                                     ("packed", packed, ("start", "end", "channel"))):
            self.run_on(self.rows(files), ("speech",) + columns, name, **more)
            got[name] = digest(self.path(name, "model.safetensors"))
        self.assertEqual(len(set(got.values())), 1, got)
        # The manifest now is that of the last run: what else reads samples reads the parts, too.
        manifest = os.path.join(self.root, "m.tsv")
        found = json.loads(self.retort("inspect", manifest, "--json")[0])
        self.assertEqual({round(row["duration"], 3) for row in found}, {0.3})
        top = [line.split()[1] for line in self.retort("predict", "packed", manifest)[0].splitlines()[-18:]]
        alone = [line.split()[1] for line in self.retort("predict", "packed", *self.files())[0].splitlines()[-18:]]
        self.assertEqual(top, alone)
        direct = self.retort("predict", "packed", shards[0])[0]
        self.assertIn(alone[0], direct)
        self.retort("embed", "packed", manifest, "-o", "parts.npy")
        self.run_on(self.rows(self.files()), ("speech",), "again", **more)
        self.retort("embed", "packed", manifest, "-o", "plain.npy")
        self.assertEqual(digest(self.path("parts.npy")), digest(self.path("plain.npy")))

    def test_boxes_and_weights(self):
        """Parts of pictures, in pixels or as fractions, are the pictures that they were cut from; and a row's weight
        counts from the start."""
        whole, boxes, fractions = [], [], []
        for i in range(18):
            inner = [bytes((i * 37 + x * (3 + i % 2) + y * 11) & 255 for x in range(16) for c in range(3))
                     for y in range(16)]
            edge = [bytes(72)] * 4
            outer = edge + [b"\xff" * 12 + row + bytes(12) for row in inner] + edge
            whole.append(self.put("in-%d.png" % i, png(inner)))
            path = self.put("out-%d.png" % i, png(outer))
            boxes.append([path, "4,4,16,16"])
            fractions.append([path, "%r,%r,%r,%r" % (4 / 24, 4 / 24, 16 / 24, 16 / 24)])
        more = {"student.modality": "image", "student.net": "cnn2d", "image.size": "16", "student.width": "4"}
        models = {}
        for name, files, columns in (("whole", whole, ()), ("boxes", boxes, ("box",)),
                                     ("fractions", fractions, ("box",))):
            self.run_on(self.rows(files), ("image",) + columns, name, **more)
            models[name] = read_tensors(self.path(name, "model.safetensors"))[0]
        self.assertEqual(models["boxes"], models["whole"])
        self.assertEqual(models["fractions"], models["whole"])
        rows = [row + [("", "0.25", "1")[i % 3]] for i, row in enumerate(self.rows(whole))]
        self.run_on(rows, ("image", "weight"), "weighed", **more)
        self.assertEqual(sorted(self.query("weighed", "SELECT DISTINCT factor FROM samples")), [(0.25,), (1,)])
        self.assertNotEqual(read_tensors(self.path("weighed", "model.safetensors"))[0], models["whole"])
        self.run_on([row[:4] + ["1"] for row in rows], ("image", "weight"), "even", **more)
        self.assertEqual(read_tensors(self.path("even", "model.safetensors"))[0], models["whole"])
        rows[3][4] = "-1"
        self.says(self.run_on(rows, ("image", "weight"), "bad", code=1, **more)[1], "m.tsv:5: column weight", "\"-1\"")

    # ---- noise and rooms ----

    def test_noise_and_rooms(self):
        more = {"augment.noise": "1", "augment.noise_from": os.path.join(self.root, "musan"),
                "augment.noise_kinds": "noise 0 10,music 5 15,babble 10 20", "augment.rir": "0.5",
                "augment.rir_from": os.path.join(self.root, "rirs")}
        table = self.rows(self.files())
        out = {}
        for decoders, kept in (("1", "0"), ("3", "64")):
            self.run_on(table, ("speech",), "n" + decoders,
                        **dict(more, **{"pipeline.decoders": decoders, "cache.sound": kept}))
            out[decoders] = read_tensors(self.path("n" + decoders, "model.safetensors"))[0]
        self.assertEqual(out["1"], out["3"])  # decoded each time, and taken from the cache
        self.assertGreater(os.path.getsize(os.path.join(self.cache, "retort", "sound.store")), 12 * 2000)
        self.run_on(table, ("speech",), "quiet")
        self.assertNotEqual(out["1"], read_tensors(self.path("quiet", "model.safetensors"))[0])
        out = self.retort("run", os.path.join(self.root, "shards.yaml"), "-o", "bad", "-q", "--headless",
                          *settings(RUN, augment__rir="0.5"), code=None)[1]
        self.says(out, "say with augment.rir_from where the rooms are")
        # A run goes on only with the recordings that it began with.
        shutil.copytree(os.path.join(self.root, "musan"), self.path("musan"))
        more = {"augment.noise": "1", "augment.noise_from": self.path("musan"), "run.checkpoint": "1"}
        self.run_on(table, ("speech",), "stays", **more)
        self.put("musan/noise/more.wav", wav(voice(80, 93)))
        self.says(self.retort("run", "--resume", "-o", "stays", "-q", "--headless", code=2)[1],
                  "the recordings in augment.noise_from or augment.rir_from changed")

    # ---- a shard that changes ----

    def test_changed_shard(self):
        """While a run goes on the sample is left out, by its content, and named; a resumed run is refused."""
        plain = [self.get(path) for path in self.files()]
        names = ["%s.wav" % name for name, _, _ in SAMPLES]
        shard = self.pack("c.tar", list(zip(names, plain)))
        recipe = os.path.join(self.root, "changes.yaml")
        write_manifest(os.path.join(self.root, "changes.tsv"), self.rows([shard + "!/" + name for name in names]),
                       ("id", "split", "label", "speech"))
        with open(recipe, "w", encoding="utf-8") as f:
            f.write("data: {manifest: changes.tsv}\n")
        run = self.start("run", recipe, "-o", "live", "--headless", "-q",
                         *settings(RUN, train__epochs=10000, augment__noise=1, run__checkpoint=5, cache__sound=0))
        self.addCleanup(run.communicate)
        self.addCleanup(run.kill)
        reason = "SELECT id FROM samples WHERE reason <> ''"

        def wait(what):
            deadline = time.monotonic() + PATIENCE
            while not what() and run.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            self.assertTrue(what(), run.poll() is None or run.communicate())

        wait(lambda: glob.glob(self.path("live/checkpoints/step-*")))
        with open(shard, "r+b") as f:
            f.seek(self.get(shard).index(plain[3]) + 2000)
            f.write(bytes(500))
        wait(lambda: self.query("live", reason))
        self.assertEqual(self.query("live", reason), [("s03",)])
        self.says(self.retort("inspect", "live", "--sample", "s03")[0], "changed under the run",
                  "c.tar!/s03.wav: changed since the run looked at it")
        self.retort("ctl", "live", "stop")
        run.communicate()
        self.says(self.retort("run", "--resume", "-o", "live", "-q", "--headless", code=2)[1],
                  "what is in the samples' files or texts changed")

    # ---- what other programs say of the samples ----

    def test_columns_as_measures(self):
        mos = ["", "4.5", "1"] * 6
        table = [row + [mos[i], str(i)] for i, row in enumerate(self.rows(self.files()))]
        columns, more = ("speech", "nisqa_mos", "blur"), {"weight.columns": "nisqa_mos up,blur down image"}
        by = dict(more, **{"weight.terms": "nisqa_mos", "weight.knees": "nisqa_mos 2 4", "run.checkpoint": "1"})

        def refused(words, table=table, code=None, **change):
            self.says(self.run_on(table, columns, "bad", code=code, **dict(by, **change))[1], *words)
            self.assertFalse(os.path.exists(self.path("bad")))

        refused(["has no column 'nisqa_mo'; there is 'nisqa_mos'"], weight__columns="nisqa_mo up")
        refused(["'nisqa_mos better': 'better' is no direction", "up where more is better"],
                weight__columns="nisqa_mos better")
        refused(["such as [nisqa_mos up, blur down]"], weight__columns="nisqa_mos")
        refused(["what the column is about"], weight__columns="nisqa_mos up sound")
        refused(["'label' means something else here"], weight__columns="label up")
        refused(["twice"], weight__columns="nisqa_mos up,nisqa_mos down")
        refused(["'nisqa_mos 4 2' falls, weight.columns says up"], weight__knees="nisqa_mos 4 2")
        refused(["'nisqa_mos' has no knee"], weight__knees="")
        refused(["'blurr'"], weight__knees="nisqa_mos 2 4,blurr 1 2")
        for cell in ("n/a", "3,5", "nan", "1e99"):
            wrong = [list(row) for row in table]
            wrong[4][4] = cell
            refused(["m.tsv:6: column nisqa_mos: \"%s\" is no number" % cell, "nothing for not measured"], wrong)
        # Said to be bad: the least; not measured: as if good. A column without a modality weighs the task, too.
        self.run_on(table, columns, "by", **by)
        weight = dict(self.query("by", "SELECT nisqa_mos, max(weight) FROM samples WHERE seen > 0 GROUP BY nisqa_mos"))
        self.assertAlmostEqual(weight[1] / weight[4.5], 0.05, places=6)
        said = self.retort("inspect", "by", "--sample", "s02")[0]
        self.says(said, "nisqa_mos          1, knee 2 4 -> factor 0.0000", "nisqa_mos    1: at least as good as",
                  "blur         2: at least as good as")
        self.run_on(table, columns, "plain", **more)
        models = {}
        self.run_on([row[:4] + ["", row[5]] for row in table], columns, "none", **by)
        self.run_on(table, columns, "image", **dict(by, **{"weight.terms": "blur", "weight.map": "percentile"}))
        self.run_on(table, columns, "speech", **dict(by, weight__columns="nisqa_mos up speech"))
        for name in ("by", "plain", "none", "image", "speech"):
            models[name] = read_tensors(self.path(name, "model.safetensors"))[0]
        self.assertEqual(models["none"], models["plain"])
        self.assertEqual(models["image"], models["plain"])  # of the picture: it weighs what a teacher says alone
        self.assertEqual(models["speech"], models["by"])
        self.assertNotEqual(models["by"], models["plain"])
        # In inspect before any run.
        manifest = os.path.join(self.root, "m.tsv")
        found = json.loads(self.retort("inspect", manifest, "--weight-columns", "nisqa_mos up", "--terms", "nisqa_mos",
                                       "--where", "nisqa_mos < 2", "--json")[0])
        self.assertEqual({(row["nisqa_mos"], row["quality"]) for row in found}, {(1, 0.5)})
        # Goes on with the same numbers only; as a change while it runs; and again.
        self.query_write("plain", "INSERT INTO journal(step, time, who, key, before, after) VALUES"
                         "(2, 0, 'me', 'weight.knees', '', 'nisqa_mos 2 4'), (2, 0, 'me', 'weight.terms', '', 'nisqa_mos')")
        recipe = os.path.join(self.root, "shards.yaml")
        self.retort("run", recipe, "-o", "steered", "-q", "--headless", "--journal", "plain", *settings(RUN, more))
        self.assertNotEqual(read_tensors(self.path("steered", "model.safetensors"))[0], models["plain"])
        self.says(self.retort("replay", "steered", "-q")[0], "identical")
        table[4][4] = "4.4"
        write_manifest(manifest, table, ("id", "split", "label") + columns)
        self.says(self.retort("run", "--resume", "-o", "by", "-q", "--headless", code=2)[1],
                  "the samples' numbers in the columns of weight.columns changed",
                  "the first is line 6, sample \"s04\": \"4.5\" then, \"4.4\" now")

    # ---- what is wrong is named ----

    def test_wrong_places(self):
        member = self.get(self.files()[0])
        self.pack("x.tar", [("a.wav", member), ("b.wav", member), ("b.wav", member)])
        shutil.copyfile(self.path("x.tar"), self.path("y.tar"))
        with tarfile.open(self.path("z.tar.gz"), "w:gz"):
            pass
        os.truncate(self.path("y.tar"), 512 + 100)
        rows = [["good", self.path("x.tar!/a.wav"), "0.1", ""], ["none", self.path("x.tar!/c.wav"), "", ""],
                ["twice", self.path("x.tar!/b.wav"), "", ""], ["cut", self.path("y.tar!/a.wav"), "", ""],
                ["packed", self.path("z.tar.gz!/a.wav"), "", ""], ["beyond", self.path("x.tar!/a.wav"), "0.1", "4"]]
        manifest = write_manifest(self.path("w.tsv"), rows, ("id", "speech", "start", "end"))
        found = json.loads(self.retort("inspect", manifest, "--json")[0])
        self.assertEqual([row["id"] for row in found if not row["reason"]], ["good"])
        for name, words in (("none", "no member c.wav"), ("twice", "two members are called b.wav"),
                            ("cut", "y.tar"), ("packed", "compressed (gzip)"),
                            ("beyond", "(0.1 to 4 s): end 4 s lies beyond the recording, which is 0.3 s long")):
            self.says(self.retort("inspect", manifest, "--sample", name)[0], words)
        write_manifest(self.path("w.tsv"), [["a", "x.wav", "3", "2"]], ("id", "speech", "start", "end"))
        self.says(self.retort("inspect", self.path("w.tsv"), code=1)[1],
                  "w.tsv:2: column end: \"2\" is not after the start")

    # ---- manifests ----

    def made(self, *words, code=0):
        out, err = self.retort("manifest", *words, "-o", "made.tsv", code=code)
        if code:
            return err
        with open(self.path("made.tsv"), encoding="utf-8") as f:
            head, *lines = f.read().splitlines()
        rows = [dict(zip(head.split("\t"), line.split("\t"))) for line in lines]
        return {row["id"]: row for row in rows}, err

    def test_kaldi(self):
        os.mkdir(self.path("kaldi"))
        self.put("kaldi/wav.scp", "rec1 %s\nrec2 cat %s |\n" % (self.files()[0], self.files()[1]))
        self.put("kaldi/segments", "utt1 rec1 0 0.15\nutt2 rec1 0.15 -1\nutt3 rec2 0.1 0.25\n")
        self.put("kaldi/utt2spk", "utt1 ann\nutt2 ann\nutt3 bob\nutt9 bob\n")
        self.put("kaldi/text", "utt1 one  two\nutt2 three\n")
        self.says(self.made("kaldi", "kaldi", code=2), "wav.scp:2: a command", "'cat': allow it with --allow cat")
        rows, err = self.made("kaldi", "kaldi", "--allow", "cat")
        self.says(err, "1 lines of utt2spk and text")
        self.assertEqual(rows["utt2"], dict(rows["utt2"], label="ann", group="rec1", start="0.15", end="",
                                            text="three"))
        self.assertEqual((rows["utt3"]["speech"], rows["utt3"]["end"]), ("kaldi-wav/rec2.wav", "0.25"))
        found = json.loads(self.retort("inspect", "made.tsv", "--json")[0])
        self.assertEqual([round(row["duration"], 3) for row in found], [0.15, 0.15, 0.15])
        self.put("kaldi/wav.scp", "rec1 cat x; touch gone |\n")
        self.says(self.made("kaldi", "kaldi", "--allow", "cat", code=2), "';' in it could do anything")
        self.put("kaldi/wav.scp", "rec1 a.wav\n")
        self.says(self.made("kaldi", "kaldi", code=1), "segments:3: no recording \"rec2\" in wav.scp")
        self.put("kaldi/segments", "utt1 rec1 2 1\n")
        self.says(self.made("kaldi", "kaldi", code=1), "segments:1: from 2 to 1 s")

    def test_jsonl(self):
        nemo = {"audio_filepath": self.files()[0], "offset": 0.1, "duration": 0.2, "text": "hi", "speaker": "ann",
                "mos": 3.5}
        self.put("nemo.jsonl", json.dumps(nemo) + "\n" + json.dumps(dict(nemo, offset=0, mos=4)) + "\n")
        rows, _ = self.made("jsonl", "nemo.jsonl")
        row = rows[self.files()[0] + "@0.1"]
        self.assertEqual([row[c] for c in ("start", "end", "label", "text", "mos")], ["0.1", "0.3", "ann", "hi", "3.5"])
        cut = {"id": "c1", "start": 0.1, "duration": 0.15, "channel": 0, "type": "MonoCut", "recording":
               {"id": "r", "duration": 0.3, "sources": [{"type": "file", "channels": [0], "source": self.files()[2]}]},
               "supervisions": [{"speaker": "bob", "text": "ho"}]}
        self.put("cuts.jsonl", json.dumps(cut))
        rows, _ = self.made("jsonl", "cuts.jsonl")
        self.assertEqual((rows["c1"]["start"], rows["c1"]["end"], rows["c1"]["channel"], rows["c1"]["label"]),
                         ("0.1", "0.25", "0", "bob"))
        self.assertEqual(round(json.loads(self.retort("inspect", "made.tsv", "--json")[0])[0]["duration"], 3), 0.15)
        cut["recording"]["sources"][0]["type"] = "command"
        self.put("cuts.jsonl", "\n" + json.dumps(cut))
        self.says(self.made("jsonl", "cuts.jsonl", code=1), "cuts.jsonl:2: recording.sources: of type \"command\"")
        self.put("cuts.jsonl", "{\"id\": 1\n")
        self.says(self.made("jsonl", "cuts.jsonl", code=1), "cuts.jsonl:1: not JSON")

    def test_webdataset(self):
        png = bytes.fromhex("89504e470d0a1a0a")
        for k in range(2):
            self.pack("w-%02d.tar" % k, [m for i in range(3) for m in (
                ("%d/%d.wav" % (k, i), wav(sound(i))), ("%d/%d.jpg" % (k, i), png), ("%d/%d.txt" % (k, i), b"word\n"),
                ("%d/%d.cls" % (k, i), b"dog\n"), ("%d/%d.json" % (k, i), b"{}"))])
        rows, err = self.made("webdataset", "w-{00..01}.tar")
        self.says(err, "6 rows", "6 members of other kinds, such as w-00.tar!/0/0.json")
        self.assertEqual(rows["1/2"], {"id": "1/2", "label": "dog", "speech": "w-01.tar!/1/2.wav", "text": "word",
                                       "image": "w-01.tar!/1/2.jpg", "split": rows["1/2"]["split"]})
        # The index is kept. A shard that is written anew in its place has another one, whatever its time says.
        members = [("a/%d.wav" % i, wav(sound(i)[:3200 + 8 * i])) for i in range(3)]
        self.pack("k.tar", members)
        then, kept = os.stat(self.path("k.tar")), os.path.join(self.cache, "retort", "shards.store")
        self.made("webdataset", "k.tar")

        def durations():
            found = json.loads(self.retort("inspect", "made.tsv", "--json")[0])
            return {row["id"]: round(row["duration"] * 2000) for row in found}

        size = os.path.getsize(kept)
        self.assertEqual(durations(), {"a/0": 400, "a/1": 401, "a/2": 402})
        self.assertEqual(os.path.getsize(kept), size)  # taken, not made
        self.pack("new.tar", members[::-1])
        with open(self.path("k.tar"), "r+b") as f:
            f.write(self.get(self.path("new.tar")))
        os.utime(self.path("k.tar"), ns=(then.st_atime_ns, then.st_mtime_ns))
        now = os.stat(self.path("k.tar"))
        self.assertEqual((now.st_ino, now.st_size, now.st_mtime_ns), (then.st_ino, then.st_size, then.st_mtime_ns))
        self.assertEqual(durations(), {"a/0": 400, "a/1": 401, "a/2": 402})
        self.assertGreater(os.path.getsize(kept), size)
        self.says(self.made("webdataset", "w-{00..02}.tar", code=1), "w-02.tar")
        self.says(self.made("webdataset", "w-{a..b}.tar", code=2), "write shards as x-{000..009}.tar")

    def test_csv(self):
        shutil.copyfile(self.files()[0], self.path("a.wav"))
        table = "id;speech;label\r\n1;a.wav;\"Müller; \"\"M\"\"\"\r\n"
        for text, note in ((("\ufeff" + table).encode(), None), (table.encode("utf-16"), "read as UTF-16"),
                           (table.encode("latin-1"), "read as Windows-1252 (Latin-1)")):
            self.put("t.csv", text)
            rows, err = self.made("csv", "t.csv")
            self.assertEqual(rows["1"]["label"], "Müller; \"M\"")
            if note:
                self.says(err, note)
        self.put("t.csv", "id;speech;label\nü;a.wav;x\n2;a.wav;".encode() + b"\xff\n")
        self.says(self.made("csv", "t.csv", code=1), "t.csv:3: byte 0xFF is not text in UTF-8")
        self.pack("x.tar", [("a.wav", self.get(self.path("a.wav")))])
        self.put("t.csv", "id,speech\n1,x.tar!/a.wav\n")
        rows, err = self.made("csv", "t.csv")
        self.assertEqual(rows["1"]["speech"], "x.tar!/a.wav")
        self.assertNotIn("do not exist", err)


if __name__ == "__main__":
    unittest.main()
