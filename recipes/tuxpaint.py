# SPDX-License-Identifier: MIT
# The stamps of Tux Paint, from Debian's tuxpaint-stamps-default, as rows: one per distinct recording
# NAME_desc[_LANG].ogg; label = the top-level folder. What recipes/stamps and recipes/voices have in common.
# Recordings and pictures are used where the package put them (absolute paths), so nothing is copied.
#
# A group is everything joined by: the same stamp (its recordings in all languages share one text and one
# picture, so a teacher trained on one would know the others), the same recording, the same picture, or the
# same words (one language, one description). Splits are cut between groups: a test sample's words, text
# and picture are unseen by students and teachers alike.
"""Usage from a script: rows = tuxpaint.rows(say)"""

import collections
import os
import re
import unicodedata

import dataset

PACKAGE = "tuxpaint-stamps-default"
ROOT = "/usr/share/tuxpaint/stamps"
LEAST = 30  # recordings that a class needs
# The text column: the stamp's description in these languages, where it has them, in this order. All
# are there for nearly every stamp; they cover the Germanic, Romance and Slavic word stems.
TEXT_LANGUAGES = ("en", "cs", "da", "de", "es", "fr", "it", "nl", "pl", "pt", "ru", "sv")
SEPARATOR = " | "
SPOKEN = re.compile(r"(?P<stem>.+)_desc(?:_(?P<lang>[A-Za-z_@]+))?(?:\.ogg)?\.ogg")


class Stamp:
    def __init__(self, name):
        self.name = name      # path below ROOT without extension
        self.texts = {}       # language -> description
        self.picture = ""     # path of a PNG, "" when there is none
        self.speech = []      # (language, path)

    def rank(self):
        """The stamp that speaks for byte-identical recordings: one that has most, then by name."""
        return (not self.picture, not self.texts, self.name)


def read_texts(path):
    """Line 1 is English, the others are xx.utf8=..."""
    with open(path, encoding="utf-8", errors="replace") as f:
        first, *others = f.read().splitlines() or [""]
    pairs = [("en", first)] + [line.split(".utf8=", 1) for line in others if ".utf8=" in line]
    return {lang.strip(): " ".join(text.split()) for lang, text in pairs if text.strip()}


def find_stamps(say):
    stamps = {}
    seen = collections.Counter()
    for folder, folders, files in os.walk(ROOT):
        folders.sort()
        for file in sorted(files):
            path = os.path.join(folder, file)
            stem, extension = os.path.splitext(os.path.relpath(path, ROOT))
            spoken = SPOKEN.fullmatch(os.path.relpath(path, ROOT))
            name = spoken["stem"] if spoken else stem
            if os.sep not in name:
                continue
            stamp = stamps.setdefault(name, Stamp(name))
            if spoken:
                stamp.speech.append((spoken["lang"] or "en", path))
            elif extension == ".txt":
                stamp.texts = read_texts(path)
            elif extension == ".png":
                stamp.picture = path
            elif extension in (".ogg", ".wav"):
                seen["sounds"] += 1
    stamps = [s for s in stamps.values() if s.speech]
    say("%d stamps with %d recordings" % (len(stamps), sum(len(s.speech) for s in stamps)))
    say("left out: %d sound effects" % seen["sounds"])
    say("no picture: %d stamps that have no PNG (SVG only)" % sum(not s.picture for s in stamps))
    say("no text: %d stamps without description" % sum(not s.texts for s in stamps))
    return stamps


def words_of(text):
    """A description without case and punctuation: what is said when it is read aloud."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text).split())


def join_stamps(stamps, contents):
    """contents: path -> digest of a recording. Returns stamp name -> name of its group's first stamp."""
    groups = dataset.Groups()
    for stamp in stamps:
        own = ("stamp", stamp.name)
        groups.find(own)
        if stamp.picture:
            groups.join(own, ("picture", dataset.digest_file(stamp.picture)))
        for lang, path in stamp.speech:
            groups.join(own, ("speech", contents[path]))
            if words_of(stamp.texts.get(lang, "")):
                groups.join(own, ("words", lang, words_of(stamp.texts[lang])))
    first = {}
    for stamp in sorted(stamps, key=lambda s: s.name):
        first.setdefault(groups.find(("stamp", stamp.name)), stamp.name)
    return {s.name: first[groups.find(("stamp", s.name))] for s in stamps}


def make_row(stamp, lang, path, group):
    return {
        "id": os.path.relpath(path, ROOT)[:-len(".ogg")],
        "label": stamp.name.split(os.sep)[0],
        "group": group,
        "speech": path,
        "image": stamp.picture,
        "text": SEPARATOR.join(stamp.texts[t] for t in TEXT_LANGUAGES if t in stamp.texts),
        "lang": lang,
        "spoken": stamp.texts.get(lang, ""),  # what is said, "" when it is not written down
    }


def rows(say):
    stamps = sorted(find_stamps(say), key=Stamp.rank)
    contents = {path: dataset.digest_file(path) for s in stamps for _, path in s.speech}
    group_of = join_stamps(stamps, contents)
    found, labels, copies = {}, collections.defaultdict(set), 0
    for stamp in stamps:
        for lang, path in stamp.speech:
            row = make_row(stamp, lang, path, group_of[stamp.name])
            labels[contents[path]].add(row["label"])
            copies += contents[path] in found
            found.setdefault(contents[path], row)
    say("left out: %d byte-identical copies of recordings" % copies)
    torn = [c for c in found if len(labels[c]) > 1]
    say("left out: %d recordings whose copies lie in folders of different classes" % len(torn))
    kept = [row for content, row in found.items() if len(labels[content]) == 1]
    return dataset.drop_small_classes(kept, LEAST, "recordings", say)
