#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# recipes/NAME/prepare on the real packages, run as a user runs it: same bytes twice, nothing done the
# second time, a manifest that holds what it promises, no leak between splits. Of voices an eighth, as all its damage
# takes a minute and a half.
# Exit 77 (skipped) when a package is missing.
"""Usage: test_prepare.py stamps|emoji|voices|speakers"""

import collections
import hashlib
import os
import subprocess
import sys
import tempfile

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARES = {"train": 0.70, "valid": 0.10, "test": 0.20}
EXPECTED = {
    "stamps": dict(columns="id split label group speech image text lang", rows=(6000, 7000),
                   classes=(12, 16), least=30, deviation=0.10, languages=13),
    "emoji": dict(columns="id split label group image text", rows=(1100, 1400),
                  classes=(55, 75), least=8, deviation=0.15, languages=1),
    "voices": dict(columns="id split label group speech text", rows=(600, 950),
                   classes=(9, 9), least=25, deviation=0.25, off=0.05, languages=1),
}
SMALL = {"voices": ["--small"]}


def run(name, out, seed, *options):
    done = subprocess.run([os.path.join(TREE, "recipes", name, "prepare"), out, *options], cwd="/",
                          env=dict(os.environ, PYTHONHASHSEED=seed), capture_output=True, text=True)
    if done.returncode == 1 and "apt-get install" in done.stderr:
        print(done.stderr)
        sys.exit(77)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "", done.stdout
    return done.stderr


def digests(folder):
    """Relative path -> (digest, time of last change)."""
    found = {}
    for top, _, files in os.walk(folder):
        for file in files:
            path = os.path.join(top, file)
            with open(path, "rb") as f:
                found[os.path.relpath(path, folder)] = (
                    hashlib.sha256(f.read()).hexdigest(), os.stat(path).st_mtime_ns)
    return found


def read_manifest(path, columns):
    with open(path, encoding="utf-8", newline="") as f:
        lines = f.read().split("\n")
    assert lines.pop() == "", "the last line has no end"
    assert lines[0].split("\t") == columns.split(), lines[0]
    rows = [dict(zip(columns.split(), line.split("\t"))) for line in lines[1:]]
    for number, line in enumerate(lines[1:], 2):
        assert line.count("\t") == lines[0].count("\t"), "line %d: %r" % (number, line)
    return rows


def check_contents(rows, out, expected):
    for row in rows:
        assert row["id"] and row["label"] and row["group"], row
        for column in ("speech", "image"):
            if row.get(column):
                path = os.path.join(out, row[column])
                assert os.path.getsize(path) > 0, path
        if row.get("image"):
            with open(os.path.join(out, row["image"]), "rb") as f:
                assert f.read(8) == b"\x89PNG\r\n\x1a\n", row["image"]
    assert len({r["id"] for r in rows}) == len(rows)
    assert expected["rows"][0] <= len(rows) <= expected["rows"][1], len(rows)
    labels = collections.Counter(r["label"] for r in rows)
    assert expected["classes"][0] <= len(labels) <= expected["classes"][1], len(labels)
    assert min(labels.values()) >= expected["least"], labels
    assert len({r.get("lang") for r in rows}) == expected["languages"]
    assert sum(bool(r["text"]) for r in rows) > 0.95 * len(rows)
    if "image" in rows[0]:
        assert sum(bool(r["image"]) for r in rows) > 0.7 * len(rows)
    if "speech" in rows[0]:
        assert all(r["speech"] for r in rows)


def check_splits(rows, expected):
    labels = collections.Counter(r["label"] for r in rows)
    count = collections.Counter((r["label"], r["split"]) for r in rows)
    assert {r["split"] for r in rows} == set(SHARES)
    for split, share in SHARES.items():
        total = sum(r["split"] == split for r in rows)
        assert abs(total / len(rows) - share) < expected.get("off", 0.01), (split, total)
        for label, n in labels.items():
            assert count[label, split] > 0, (label, split)
            assert abs(count[label, split] / n - share) < expected["deviation"], (label, split)


def check_leaks(rows, out):
    """No group, recording, picture or text of one split in another."""
    split_of = {}
    for row in rows:
        keys = [("group", row["group"])]
        if row["text"]:
            keys.append(("text", row["text"]))
        for column in ("speech", "image"):
            if row.get(column):
                with open(os.path.join(out, row[column]), "rb") as f:
                    keys.append((column, hashlib.sha256(f.read()).digest()))
        for key in keys:
            assert split_of.setdefault(key, row["split"]) == row["split"], (row["id"], key)
    if "speech" in rows[0]:
        recordings = [hashlib.sha256(open(r["speech"], "rb").read()).digest() for r in rows]
        assert len(set(recordings)) == len(rows), "copies of recordings were kept"


def read_spoilt(folder, columns, spoilt):
    """The tables beside the manifest in which something is wrong with some training rows: name -> rows."""
    found = {}
    for name, (share, kinds) in spoilt.items():
        rows = found[name] = read_manifest(os.path.join(folder, name + ".tsv"), columns + " damage")
        hit = [r for r in rows if r["damage"]]
        train = sum(r["split"] == "train" for r in rows)
        assert abs(len(hit) / train - share) < 0.04, (name, len(hit), train)
        assert all(r["split"] == "train" for r in hit), "validation and test stay clean"
        assert {r["damage"] for r in hit} == set(kinds.split()), name
        known = read_manifest(os.path.join(folder, name + "-known.tsv"), columns + " damage weight")
        assert [dict(r, weight="") for r in known] == [dict(r, weight="") for r in rows], name
        weights = [float(r["weight"]) for r in known if r["split"] == "train"]
        assert abs(sum(weights) / train - 1) < 1e-3
        assert all((r["weight"] == "0") == (r["damage"] != "") for r in known)
    return found


def check_voices(folder):
    """The tables beside the manifest: what is damaged, what was left as it was, what the teacher reads."""
    columns = "id split label group speech text"
    strong = "noise clip lowpass silence"
    read = read_spoilt(folder, columns, {
        "damaged-30": (0.30, strong), "damaged-60": (0.60, strong), "mild-60": (0.60, "noise clip reverberation mp3"),
        "pairs-40": (0.40, "pair"), "texts-40": (0.40, "text")})
    for name in ("damaged-30", "damaged-60", "mild-60"):
        for r in read[name]:
            assert not r["damage"] or os.path.getsize(os.path.join(folder, r["speech"])) > 44, r
    whole = read_manifest(os.path.join(folder, "undamaged-60.tsv"), columns + " damage")
    for name, changed in (("damaged-60", "speech"), ("mild-60", "speech"), ("pairs-40", "text"), ("texts-40", "text")):
        for was, now in zip(whole, read[name]):
            assert {x for x in was if was[x] != now[x]} == ({"damage", changed} if now["damage"] else set()), now
        assert len(whole) == len(read[name])
    texts = {(r["text"], r["label"]) for r in whole}  # some words are those of two languages
    assert all(any((r["text"], x) in texts for x in {w["label"] for w in whole} - {r["label"]})
               for r in read["pairs-40"] if r["damage"])
    names = read_manifest(os.path.join(folder, "names.tsv"), "id split label group text")
    assert {r["split"] for r in names} == {"train", "valid"} and len({r["label"] for r in names}) == 9
    split_of = {}
    for r in names:
        assert split_of.setdefault(r["group"], r["split"]) == r["split"], "one emoji in two splits"


def check_emoji(folder):
    """The same of emoji, and the test pictures drawn anew."""
    columns = "id split label group image text"
    read_spoilt(folder, columns, {"damaged-50": (0.50, "blur grain"), "texts-40": (0.40, "text")})
    rows = {r["id"]: r for r in read_manifest(os.path.join(folder, "manifest.tsv"), columns)}
    drawn = read_manifest(os.path.join(folder, "drawn.tsv"), columns)
    test = [r for r in drawn if r["split"] == "test"]
    assert len(test) > 150 and all(r["image"] == "drawn/%s.png" % r["id"] for r in test)
    assert all(r == rows[r["id"]] for r in drawn if r["split"] != "test")
    assert all(os.path.getsize(os.path.join(folder, r["image"])) > 0 for r in test)


def check_damage(folder):
    """Same sample, same bytes; another sample, others. Of each kind."""
    sys.path.insert(0, os.path.join(TREE, "recipes"))
    sys.dont_write_bytecode = True
    import damage
    source = os.path.join(TREE, "tests/golden/fbank_in_fr.wav")
    for kind, how in damage.KINDS.items():
        made = [os.path.join(folder, "%s-%d.wav" % (kind, n)) for n in range(3)]
        for path, sample in zip(made, ("a", "a", "b")):
            if how is not damage.MP3_16_KBIT:
                damage.make((kind, source, path, sample))
        if how is not damage.MP3_16_KBIT:  # its writer is in a package that only the tables need
            one, two, other = ([open(path, "rb").read() for path in made])
            assert one == two and len(one) > 1000, kind
            assert one != other or isinstance(how, tuple) or kind.endswith("lowpass"), kind


def main(name):
    expected = EXPECTED[name]
    with tempfile.TemporaryDirectory() as folder:
        one, two = (os.path.join(folder, x) for x in ("one", "deep/er/two"))
        small = SMALL.get(name, [])
        said = run(name, one, "1", *small)
        assert (name == "voices" or "left out:" in said) and "samples" in said, said
        first = digests(one)
        assert run(name, one, "2", *small) == "", "said something although there was nothing to do"
        assert digests(one) == first, "the second call changed something"
        if name == "voices":  # what could differ is tried on one recording
            os.makedirs(two)
            check_voices(one)
            check_damage(two)
        else:
            if name == "emoji":
                check_emoji(one)
            again = ["--small"] if name == "emoji" else []  # an eighth of what takes long
            run(name, two, "3", *again)
            check_again(one, two, {p: d for p, (d, _) in first.items()}, part=bool(again))
        assert sorted(os.listdir(folder)) == ["deep", "one"], os.listdir(folder)
        rows = read_manifest(os.path.join(one, "manifest.tsv"), expected["columns"])
        check_contents(rows, one, expected)
        check_splits(rows, expected)
        check_leaks(rows, one)


def check_again(one, two, first, part):
    """The same bytes as before; of a part its own files, and rows that stand in the whole."""
    second = {p: d for p, (d, _) in digests(two).items()}
    if not part:
        assert second == first
        return
    pictures = {p: d for p, d in second.items() if p.endswith(".png")}
    assert len(pictures) > 100 and pictures.items() <= first.items()
    for table in (p for p in second if p.endswith(".tsv") and "known" not in p):
        whole, some = (open(os.path.join(x, table), encoding="utf-8").read().splitlines() for x in (one, two))
        assert len(some) > 50 and set(some) <= set(whole), table


def check_worlds():
    """Another world has other voices and faces."""
    sys.path.insert(0, os.path.join(TREE, "recipes/speakers"))
    sys.dont_write_bytecode = True
    import world
    one, same, other = (world.World(number) for number in (1, 1, 2))
    for part in (lambda w: w.voice("train000"), lambda w: w.face("train000", 16)):
        assert part(one) == part(same) != part(other)


def speakers():
    """The small synthetic world: who is where, what a gap changes, and that it is the same twice."""
    with tempfile.TemporaryDirectory() as folder:
        one, two = (os.path.join(folder, x) for x in ("one", "two"))
        run("speakers", one, "1", "--small", "--gaps", "0,16")
        run("speakers", two, "2", "--small", "--gaps", "16")
        first = digests(one)
        assert run("speakers", one, "3", "--small", "--gaps", "0,16") == "" and digests(one) == first
        again = {p: d for p, (d, _) in digests(two).items() if not p.endswith(".txt")}
        other = sorted(p for p, d in again.items() if p not in first or d != first[p][0])
        assert len(again) > 100 and not other, (len(again), other)
        columns = "id split label person speech image damage"
        few, same, hit, spoiled = (read_manifest(os.path.join(one, x + ".tsv"), columns)
                                   for x in ("few-g16", "few-g0", "few-g16-damaged", "few-g16-faces"))
        strangers = {r["person"] for r in few if r["split"] != "train" and not r["label"]}
        assert strangers and not strangers & {r["person"] for r in few if r["split"] == "train"}
        faces = read_manifest(os.path.join(one, "faces.tsv"), columns)
        assert not {r["person"] for r in faces} & {r["person"] for r in few}, "the teacher knows other people"
        assert any(not r["label"] and r["image"] for r in few if r["split"] == "train")
        for rows in (few, same, hit, spoiled, faces):
            for r in rows:
                for column in ("speech", "image"):
                    assert not r[column] or os.path.getsize(os.path.join(one, r[column])) > 44, r
        for rows in (hit, spoiled):
            assert 0.15 < sum(bool(r["damage"]) for r in rows) / sum(r["split"] == "train" for r in rows) < 0.45
        pictures = [(a["image"], b["image"]) for a, b in zip(few, spoiled) if b["damage"]]
        assert all(first[a][0] != first[b][0] for a, b in pictures), "damage that is none"
        assert [r["speech"] for r in few] == [r["speech"] for r in spoiled]
        picture = [r["image"] for r in few if r["image"]][0]
        assert first[picture][0] != first[picture.replace("g16", "g0")][0], "the gap does not reach the face"
        check_worlds()
        ids = {r["id"]: r for r in few}
        for name, split in (("valid", "valid"), ("test", "test"), ("noisy", "test")):
            with open(os.path.join(one, "trials-" + name)) as f:
                pairs = [line.split() for line in f]
            assert {t for t, _, _ in pairs} == {"0", "1"}
            for target, a, b in pairs:
                assert (ids[a]["person"] == ids[b]["person"]) == (target == "1") and a != b
                assert ids[a]["split"] == ids[b]["split"] == split and not ids[a]["label"]


if __name__ == "__main__":
    speakers() if sys.argv[1] == "speakers" else main(sys.argv[1])
