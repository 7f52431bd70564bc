#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Makes tokenizers/: small tokenizer.json files with vocabularies learnt here, texts in 24 scripts, and the ids that the
# format's definition gives for them: worked out below in the plainest way, with Python's own Unicode tables and the
# module regex (python3-regex, for the published expressions as they stand). Texts are names of emoji out of CLDR
# (unicode-cldr-core), and odd ones of our own.
# tokenizers.py NAME TEXT prints the ids of one text.

import base64
import collections
import json
import math
import os
import struct
import sys
import unicodedata
import xml.etree.ElementTree

import regex

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokenizers")
CLDR = "/usr/share/unicode/cldr/common/annotations"
LANGUAGES = "en ru el ar he hi bn ta te kn ml gu pa si th lo km my ka hy am ko ja zh".split()
EACH = 21
SPACES = set("\t\n\v\f\r \u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000") | {chr(x) for x in range(0x2000, 0x200b)}

ODD = [
    "", " ", "  ", "a", "\n", "\t\n x", "Hello, world!", "hello   world  ", "It's we'll I'VE 'Tis don't 's",
    "na\u00efve caf\u00e9 \u00c5ngstr\u00f6m", "nai\u0308ve cafe\u0301 A\u030angstro\u0308m", "\u1e9b\u0323 \u00df \u1e9e \ufb01 \u2460 \u00bd",
    "\u0130stanbul I\u0307 \u0131 \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2 \u039f\u0394\u039f\u03a3", "\u4e2d\u6587a\u6d4b\u8bd5b\u3400\U00020000\uf900",
    "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab \u3042\u3099", "\U0001f600\U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f1e9\U0001f1ea \u2764\ufe0f",
    "control\u0001\u007f\u009f\u200b\u200d\ufeff\u00ad\ue000 bytes", "nul\x00inside", "\ufffd\u2581_ \u2581\u2581a",
    "x" * 101, "\u0e01" * 100, "ab" * 300, "12345 6 78.9 1,000 \u0661\u0662\u0663 \u00b2 \u2167", "a1b2c3 x_y z-w u.v",
    "!?.,;:()[]{}<>@#$%^&*-_=+\\|/~`'\"", "\u00a1\u00bf\u00ab\u00bb\u2014\u2026\u3001\u3002\u300c\u300d\u0964\u06d4",
    "line one\r\nline two\n\n\n  three   \n", "tab\tnbsp\u00a0nel\u0085ls\u2028en\u2002end", "[MASK] [mask] a[SEP]b <s> </s><unk>",
    "<mask>x <mask>  y  <mask>", "<|endoftext|>a<|endoftext|>", "new newtoken newtokens anewtoken newtoken, \u00e9newtoken newtoken\u0301",
    "\u0b95\u0bcd\u0bb7 \u0915\u094d\u0937\u093f \u0e01\u0e33 \u0f40\u0f72", "\u1e00\u0301\u0302\u0303\u0304", "\u0301start", "q\u0323\u0307 q\u0307\u0323",
    "\u180eMongolian\u180evowel", "zero\u2060width\u2064 \U000e0020tags", "URL: https://example.org/a?b=c&d=e#f  e-mail a.b@c.de",
    "    def f(x):\n        return x * 2  # comment\n", "CamelCaseWORDS and mIxEd", "'S 'T 'LL '\u017f \u017ft", "\u01c4\u01c5\u01c6 \u1f88 \u10d0\u1c90 \u13a0\uab70",
    "\u0643\u0650\u062a\u064e\u0627\u0628 \u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd", "\uff21\uff42\uff43\uff11\uff12 \uff76\uff9e", "\U00010400\U00010428 \U0001d400 \U0002f800",
    "a\u00a0\u00a0b \u00a0 c", "<0x41> <0x0A>", "\u00e5\u0325", "...", "\u2026\u2026", "a,b,c", "1", "\u00bc1\u00bc", "end ", "\uffe3x", "\uffe3 \ufe49y", "\u0001z"]


# ---- texts ----

def texts():
    out = []
    for language in LANGUAGES:
        root = xml.etree.ElementTree.parse(os.path.join(CLDR, language + ".xml")).getroot()
        names = [(a.get("cp"), a.text) for a in root.iter("annotation") if a.get("type") == "tts"]
        step = len(names) // EACH
        for k in range(EACH):
            cp, name = names[k * step + 7]
            out.append([name, "%s %s" % (cp, name), "%s: %d!" % (name, 10 ** (k % 5) + k)][k % 3])
    return out


# ---- Unicode ----

def cat(c):
    return unicodedata.category(c)


def lower(text):
    return "".join("i\u0307" if c == "\u0130" else ("\u03c3" if c == "\u03a3" else c.lower()) for c in text)


def is_control(c):
    return c not in "\t\n\r" and cat(c)[0] == "C"


def is_punctuation(c):
    return c in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" or cat(c)[0] == "P"


def is_ideograph(c):
    x = ord(c)
    return any(a <= x <= b for a, b in ((0x4e00, 0x9fff), (0x3400, 0x4dbf), (0x20000, 0x2a6df), (0x2a700, 0x2b73f),
                                        (0x2b740, 0x2b81f), (0x2b920, 0x2ceaf), (0xf900, 0xfaff), (0x2f800, 0x2fa1f)))


BYTES = {}
for b in range(256):
    if 0x21 <= b <= 0x7e or 0xa1 <= b <= 0xac or 0xae <= b:
        BYTES[b] = chr(b)
for b in range(256):
    if b not in BYTES:
        BYTES[b] = chr(256 + sum(1 for x in BYTES.values() if ord(x) > 255))


def byte_letters(text):
    return "".join(BYTES[b] for b in text.encode())


# ---- normalisers ----

def graphemes(text):
    return regex.findall(r"\X", text)


def normalise(n, text):
    if n is None:
        return text
    kind = n["type"]
    if kind == "Sequence":
        for x in n["normalizers"]:
            text = normalise(x, text)
        return text
    if kind in ("NFC", "NFD", "NFKC", "NFKD"):
        return unicodedata.normalize(kind, text)
    if kind == "Lowercase":
        return lower(text)
    if kind == "StripAccents":
        return "".join(c for c in text if cat(c)[0] != "M")
    if kind == "Strip":
        space = "".join(SPACES)
        text = text.lstrip(space) if n["strip_left"] else text
        return text.rstrip(space) if n["strip_right"] else text
    if kind == "Replace":
        p = n["pattern"]
        return text.replace(p["String"], n["content"]) if "String" in p else \
            regex.sub(p["Regex"], lambda m: n["content"], text)
    if kind == "Prepend":
        return n["prepend"] + text if text else text
    if kind == "Nmt":
        drop = set(range(1, 9)) | {0xb, 0x7f, 0x8f, 0x9f} | set(range(0xe, 0x20))
        blank = {9, 10, 12, 13, 0x1680, 0x2028, 0x2029, 0x2581, 0xfeff, 0xfffd} | set(range(0x200b, 0x2010))
        return "".join(" " if ord(c) in blank else c for c in text if ord(c) not in drop)
    if kind == "Precompiled":
        out = ""
        for g in graphemes(text):
            if len(g.encode()) < 6 and charsmap_find(g) is not None:
                out += charsmap_find(g)
            else:
                out += "".join(c if charsmap_find(c) is None else charsmap_find(c) for c in g)
        return out
    assert kind == "BertNormalizer"
    if n["clean_text"]:
        text = "".join(" " if c in SPACES else c for c in text if c not in "\0\ufffd" and not is_control(c))
    if n["handle_chinese_chars"]:
        text = "".join(" %s " % c if is_ideograph(c) else c for c in text)
    if n["lowercase"] if n["strip_accents"] is None else n["strip_accents"]:
        text = "".join(c for c in unicodedata.normalize("NFD", text) if cat(c) != "Mn")
    return lower(text) if n["lowercase"] else text


# ---- pre-tokenizers: a piece is (text, stands at the beginning) ----

def behave(text, first, spans, how):
    """spans: (start, end, matches) over all of the text."""
    spans, out = [s for s in spans if s[0] < s[1]], []
    if how == "MergedWithNext":
        back, was = [], False
        for a, b, m in reversed(spans):
            if m and not was and back:
                back[-1] = (a, back[-1][1])
            else:
                back.append((a, b))
            was = m
        out = back[::-1]
    else:
        was = False
        for a, b, m in spans:
            joins = {"Contiguous": m == was, "MergedWithPrevious": m and not was}.get(how, False)
            if joins and out:
                out[-1] = (out[-1][0], b)
            elif not (how == "Removed" and m):
                out.append((a, b))
            was = m
    return [(text[a:b], first and a == 0) for a, b in out]


def spans_of(text, found):
    spans, done = [], 0
    for a, b in found:
        spans += [(done, a, False), (a, b, True)]
        done = b
    return spans + [(done, len(text), False)]


def by_char(text, first, test, how):
    return behave(text, first, spans_of(text, [(i, i + 1) for i, c in enumerate(text) if test(c)]), how)


def by_expression(text, first, expression, how, invert=False):
    found = [m.span() for m in regex.finditer(expression, text, regex.V0) if m.end() > m.start()]
    return behave(text, first, [(a, b, m != invert) for a, b, m in spans_of(text, found)], how)


def by_text(text, first, what, how, invert=False):
    return by_expression(text, first, regex.escape(what, special_only=True), how, invert)


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
WORD = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d"


def pre(p, text, first):
    kind = p["type"]
    if kind == "Sequence":
        pieces = [(text, first)]
        for x in p["pretokenizers"]:
            pieces = [y for t, f in pieces for y in pre(x, t, f) if y[0]]
        return pieces
    if kind == "BertPreTokenizer":
        words = by_char(text, first, SPACES.__contains__, "Removed")
        return [y for t, f in words for y in by_char(t, f, is_punctuation, "Isolated")]
    if kind == "WhitespaceSplit":
        return by_char(text, first, SPACES.__contains__, "Removed")
    if kind == "Whitespace":
        return by_expression(text, first, r"[%s]+|[^%s\s]+" % (WORD, WORD), "Removed", True)
    if kind == "Punctuation":
        return by_char(text, first, is_punctuation, p.get("behavior", "Isolated"))
    if kind == "Digits":
        return by_char(text, first, lambda c: cat(c)[0] == "N",
                       "Isolated" if p["individual_digits"] else "Contiguous")
    if kind == "CharDelimiterSplit":
        return by_text(text, first, p["delimiter"], "Removed")
    if kind == "Split":
        if "String" in p["pattern"]:
            return by_text(text, first, p["pattern"]["String"], p["behavior"], p["invert"])
        return by_expression(text, first, p["pattern"]["Regex"], p["behavior"], p["invert"])
    if kind == "ByteLevel":
        if p["add_prefix_space"] and text and not text.startswith(" "):
            text = " " + text
        words = by_expression(text, first, GPT2, "Isolated") if p.get("use_regex", True) else [(text, first)]
        return [(byte_letters(t), f) for t, f in words]
    assert kind == "Metaspace"
    sign, scheme = p["replacement"], p.get("prepend_scheme", "always")
    scheme = "never" if p.get("add_prefix_space") is False else scheme
    text = text.replace(" ", sign)
    if text and not text.startswith(sign) and (scheme == "always" or (scheme == "first" and first)):
        text = sign + text
    return by_text(text, first, sign, "MergedWithNext") if p.get("split", True) else [(text, first)]


# ---- models ----

def wordpiece(m, word):
    vocab, out, at = m["vocab"], [], 0
    if len(word) > m["max_input_chars_per_word"]:
        return [vocab[m["unk_token"]]]
    while at < len(word):
        for end in range(len(word), at, -1):
            piece = (m["continuing_subword_prefix"] if at else "") + word[at:end]
            if piece in vocab:
                break
        else:
            return [vocab[m["unk_token"]]]
        out.append(vocab[piece])
        at = end
    return out


def bpe(m, word):
    vocab, ranks = m["vocab"], m["_ranks"]
    if m.get("ignore_merges") and word in vocab:
        return [vocab[word]]
    tokens, unknown = [], []  # the unknown token is put in before the next known character, not before bytes
    for i, c in enumerate(word):
        c = (m["continuing_subword_prefix"] or "" if i else "") + c
        c += (m["end_of_word_suffix"] or "") if i == len(word) - 1 else ""
        if c in vocab:
            tokens += unknown + [c]
            unknown = []
        elif m["byte_fallback"] and all("<0x%02X>" % b in vocab for b in c.encode()):
            tokens += ["<0x%02X>" % b for b in c.encode()]
        elif m["unk_token"]:
            tokens += [] if m["fuse_unk"] else unknown
            unknown = [m["unk_token"]]
    tokens += unknown
    while True:
        best = min(((ranks.get(pair, math.inf), i) for i, pair in enumerate(zip(tokens, tokens[1:]))),
                   default=(math.inf, 0))
        if best[0] == math.inf:
            return [vocab[t] for t in tokens]
        i = best[1]
        tokens[i:i + 2] = [tokens[i] + tokens[i + 1][len(m["continuing_subword_prefix"] or ""):]]


def unigram(m, word):
    ids = {p: i for i, (p, _) in enumerate(m["vocab"])} if "_ids" not in m else m["_ids"]
    m["_ids"] = ids
    bad = min(s for _, s in m["vocab"]) - 10
    best = [(0.0, None, None)] + [None] * len(word)
    for at in range(len(word)):
        for end in range(at + 1, len(word) + 1):
            piece = word[at:end]
            if piece in ids:
                score, i = best[at][0] + m["vocab"][ids[piece]][1], ids[piece]
            elif end == at + 1:
                score, i = best[at][0] + bad, m["unk_id"]
            else:
                continue
            if best[end] is None or score > best[end][0]:
                best[end] = (score, at, i)
    cut, end = [], len(word)
    while end:
        _, at, i = best[end]
        if cut and i == m["unk_id"] and cut[-1][1] == m["unk_id"]:
            cut[-1] = (word[at:end] + cut[-1][0], i)
        else:
            cut.append((word[at:end], i))
        end = at
    out = []
    for piece, _ in cut[::-1]:
        if piece in ids:
            out.append(ids[piece])
        elif m.get("byte_fallback") and all("<0x%02X>" % b in ids for b in piece.encode()):
            out += [ids["<0x%02X>" % b] for b in piece.encode()]
        else:
            out.append(m["unk_id"])
    return out


def wordlevel(m, word):
    return [m["vocab"].get(word, m["vocab"][m["unk_token"]])]


MODELS = {"WordPiece": wordpiece, "BPE": bpe, "Unigram": unigram, "WordLevel": wordlevel}


# ---- added tokens ----

def cut_added(tokens, text, first, content):
    """content: of a token, what is looked for."""
    out, done, at = [], 0, 0
    while at < len(text):
        hits = [t for t in tokens if text.startswith(content(t), at)]
        if not hits:
            at += 1
            continue
        t = max(hits, key=lambda t: len(content(t)))
        a, b = at, at + len(content(t))
        at = b
        word = "[%s]" % WORD
        if t["single_word"] and ((a and regex.match(word, text[a - 1])) or (b < len(text) and regex.match(word, text[b]))):
            continue
        while t["lstrip"] and a > done and text[a - 1] in SPACES:
            a -= 1
        while t["rstrip"] and b < len(text) and text[b] in SPACES:
            b += 1
        if a > done:
            out.append((text[done:a], first and done == 0))
        out.append(t["id"])
        done = b
    if done < len(text):
        out.append((text[done:], first and done == 0))
    return out


def encode(f, text):
    raw = [t for t in f["added_tokens"] if not t["normalized"]]
    late = [t for t in f["added_tokens"] if t["normalized"]]
    ids = []
    for x in cut_added(raw, text, True, lambda t: t["content"]):
        if isinstance(x, int):
            ids.append(x)
            continue
        now = normalise(f["normalizer"], x[0])
        first = x[1] and normalise(f["normalizer"], x[0][:1]) != ""
        for y in cut_added(late, now, first, lambda t: normalise(f["normalizer"], t["content"])):
            if isinstance(y, int):
                ids.append(y)
                continue
            for word, _ in pre(f["pre_tokenizer"], *y) if f["pre_tokenizer"] else [y]:
                ids += MODELS[f["model"]["type"]](f["model"], word) if word else []
    before, after, text_type = [], [], 0
    post = f["post_processor"]
    for p in (post["processors"] if post and post["type"] == "Sequence" else [post] if post else []):
        if p["type"] in ("BertProcessing", "RobertaProcessing"):
            before, after = [(p["cls"][1], 0)], [(p["sep"][1], 0)]
        for piece in p.get("single", []):
            if "Sequence" in piece:
                text_type, before, after = piece["Sequence"]["type_id"], after, []
                continue
            s = piece["SpecialToken"]
            after += [(i, s["type_id"]) for i in p["special_tokens"][s["id"]]["ids"]]
    if f["truncation"]:
        most = f["truncation"]["max_length"] - len(before) - len(after)
        ids = ids[:most] if f["truncation"]["direction"] == "Right" else ids[max(0, len(ids) - most):]
    around = before + [(i, text_type) for i in ids] + after
    return [i for i, _ in around], [t for _, t in around]


# ---- vocabularies ----

def learn_merges(words, start, count, prefix=""):
    """words: Counter; start(word) -> tuple of first symbols."""
    left = {w: list(start(w)) for w in words}
    merges = []
    while len(merges) < count:
        pairs = collections.Counter()
        for w, n in words.items():
            for pair in zip(left[w], left[w][1:]):
                pairs[pair] += n
        best = max(pairs, key=lambda p: (pairs[p], p), default=None)
        if best is None or pairs[best] < 2:
            break
        merges.append(best)
        whole = best[0] + best[1][len(prefix):]
        for s in left.values():
            i = 0
            while i < len(s) - 1:
                if (s[i], s[i + 1]) == best:
                    s[i:i + 2] = [whole]
                i += 1
    return merges


def words_of(f, corpus):
    words = collections.Counter()
    for text in corpus:
        now = normalise(f["normalizer"], text)
        for w, _ in pre(f["pre_tokenizer"], now, True) if f["pre_tokenizer"] else [(now, True)]:
            words[w] += 1
    del words[""]
    return words


def common(words, least):
    """Characters that come often, so that some do not and are unknown."""
    n = collections.Counter()
    for w, k in words.items():
        for c in w:
            n[c] += k
    return sorted(c for c in n if n[c] >= least)


def learn_wordpiece(f, corpus, specials, count):
    words = words_of(f, corpus)
    alphabet = common(words, 3)
    keep = {w: n for w, n in words.items() if set(w) <= set(alphabet)}
    merges = learn_merges(keep, lambda w: [w[0]] + ["##" + c for c in w[1:]], count, "##")
    pieces = specials + alphabet + ["##" + c for c in alphabet] + [a + b[2:] for a, b in merges]
    return {p: i for i, p in enumerate(dict.fromkeys(pieces))}


def learn_bpe(f, corpus, specials, alphabet, count, suffix=""):
    words = words_of(f, corpus)
    alphabet = alphabet if alphabet is not None else common(words, 3)
    keep = {w: n for w, n in words.items() if set(w) <= set(alphabet) and len(w) < 60}
    merges = learn_merges(keep, lambda w: list(w[:-1]) + [w[-1] + suffix], count)
    ends = [c + suffix for c in alphabet] if suffix else []
    pieces = specials + alphabet + ends + [a + b for a, b in merges]
    return {p: i for i, p in enumerate(dict.fromkeys(pieces))}, merges


def learn_unigram(f, corpus, specials, count):
    words = words_of(f, corpus)
    n = collections.Counter()
    for w, k in words.items():
        for a in range(len(w)):
            for b in range(a + 1, min(len(w), a + 8) + 1):
                n[w[a:b]] += k * (b - a)
    pieces = common(words, 3)
    pieces += [p for p, _ in sorted(n.items(), key=lambda x: (-x[1], x[0])) if len(p) > 1][:count]
    total = sum(n.values())
    return [[s, 0.0] for s in specials] + [[p, round(math.log(n[p] / total), 6)] for p in pieces]


# ---- Precompiled: a double array ----

CHARSMAP = {"\uff21": "A", "\uff42": "b", "\uff43": "c", "\uff11": "1", "\uff12": "2", "\u2460": "1", "\ufb01": "fi",
            "e\u0301": "\u00e9", "\u00bd": "1\u20442", "\n": " ", "\t": " ", "\u00a0": " ", "\u3000": " ", "\u0001": "",
            "\u200b": " ", "\ufeff": " ", "\u2026": "...", "\u00df": "ss", "\u0301": "", "\u1e9b\u0323": "\u1e69"}


def charsmap_find(text):
    keys = [k for k in CHARSMAP if text.split("\0")[0].encode().startswith(k.encode())]
    return CHARSMAP[min(keys, key=len)] if keys else None


def charsmap():
    """darts-clone's layout; places are searched from the front."""
    texts, place = b"", {}
    for v in CHARSMAP.values():
        if v not in place:
            place[v] = len(texts)
            texts += v.encode() + b"\0"
    trie = {}
    for k, v in CHARSMAP.items():
        at = trie
        for b in k.encode():
            at = at.setdefault(b, {})
        at[None] = place[v]
    units, used = {0: 0}, {0}

    def lay(node, pos):
        labels = [0 if b is None else b for b in node]
        offset = 1
        while (pos ^ offset) in {pos} or any((pos ^ offset ^ b) in used for b in labels):
            offset += 1
        used.update(pos ^ offset ^ b for b in labels)
        units[pos] |= offset << 10 | (256 if None in node else 0)
        for b, child in node.items():
            if b is None:
                units[pos ^ offset] = child | 1 << 31
            else:
                units[pos ^ offset ^ b] = b
        for b, child in node.items():
            if b is not None:
                lay(child, pos ^ offset ^ b)

    lay(trie, 0)
    size = (max(units) | 255) + 1
    blob = b"".join(struct.pack("<I", units.get(i, 0)) for i in range(size))
    return base64.b64encode(struct.pack("<I", len(blob)) + blob + texts).decode()


# ---- the files ----

def token(id, content, special=True, **how):
    return dict({"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
                 "normalized": not special, "special": special}, **how)


def template(before, after, vocab, types=(0, 0, 0)):
    special = lambda t, k: {"SpecialToken": {"id": t, "type_id": k}}
    text = {"Sequence": {"id": "A", "type_id": types[1]}}
    pair = {"Sequence": {"id": "B", "type_id": 1}}
    single = [special(t, types[0]) for t in before] + [text] + [special(t, types[2]) for t in after]
    return {"type": "TemplateProcessing", "single": single, "pair": single + [pair],
            "special_tokens": {t: {"id": t, "ids": [vocab[t]], "tokens": [t]} for t in before + after}}


def skeleton(normalizer, pre_tokenizer):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer, "post_processor": None, "decoder": None, "model": None}


def bert(corpus, cased):
    f = skeleton({"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                  "lowercase": not cased}, {"type": "BertPreTokenizer"})
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocab = learn_wordpiece(f, corpus, specials, 500)
    f["added_tokens"] = [token(i, s) for i, s in enumerate(specials)]
    f["model"] = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocab}
    if cased:
        f["post_processor"] = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
        f["truncation"] = {"direction": "Right", "max_length": 12, "strategy": "LongestFirst", "stride": 0}
        f["added_tokens"].append(token(len(vocab), "newtoken", False, single_word=True))
    else:
        f["post_processor"] = template(["[CLS]"], ["[SEP]"], vocab)
        f["padding"] = {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
                        "pad_type_id": 0, "pad_token": "[PAD]"}
    return f


def bpe_model(vocab, merges, pairs, **how):
    return dict({"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                 "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocab,
                 "merges": [list(m) if pairs else "%s %s" % m for m in merges]}, **how)


LETTERS = [BYTES[b] for b in range(256)]


def gpt2(corpus):
    f = skeleton({"type": "NFC"}, {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True})
    vocab, merges = learn_bpe(f, corpus, ["<|endoftext|>"], LETTERS, 350)
    f["added_tokens"] = [token(0, "<|endoftext|>")]
    f["post_processor"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False}
    f["model"] = bpe_model(vocab, merges, False)
    f["truncation"] = {"direction": "Left", "max_length": 40, "strategy": "LongestFirst", "stride": 0}
    return f


def roberta(corpus):
    f = skeleton(None, {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True})
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    vocab, merges = learn_bpe(f, corpus, specials, LETTERS, 200)
    vocab["<mask>"] = len(vocab)
    f["added_tokens"] = [token(i, s, normalized=True) for i, s in enumerate(specials)]
    f["added_tokens"].append(token(vocab["<mask>"], "<mask>", lstrip=True, rstrip=True))
    f["post_processor"] = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True,
                           "add_prefix_space": True}
    f["model"] = bpe_model(vocab, merges, True)
    f["truncation"] = {"max_length": 40, "strategy": "OnlyFirst", "stride": 0, "direction": "Right"}
    return f


CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
        r"\s*[\r\n]+|\s+(?!\S)|\s+")


def clip(corpus):
    f = skeleton({"type": "Sequence", "normalizers": [
        {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Lowercase"}]},
        {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": CLIP}, "behavior": "Removed", "invert": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}]})
    vocab, merges = learn_bpe(f, corpus, [], LETTERS, 200, "</w>")
    for s in "<|startoftext|>", "<|endoftext|>":
        vocab[s] = len(vocab)
        f["added_tokens"].append(token(vocab[s], s))
    f["post_processor"] = template(["<|startoftext|>"], ["<|endoftext|>"], vocab)
    f["model"] = bpe_model(vocab, merges, False, unk_token="<|endoftext|>", continuing_subword_prefix="",
                           end_of_word_suffix="</w>")
    f["truncation"] = {"direction": "Right", "max_length": 32, "strategy": "LongestFirst", "stride": 0}
    return f


def gpt4(corpus):
    f = skeleton(None, {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": GPT4}, "behavior": "Isolated", "invert": False},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]})
    vocab, merges = learn_bpe(f, corpus, [], LETTERS, 200)
    for word in "\u0120hello", "world", byte_letters("\u0440\u0443\u043a\u0430"):
        vocab.setdefault(word, len(vocab))  # whole words that no merges lead to
    vocab["<|begin_of_text|>"] = len(vocab)
    f["added_tokens"] = [token(vocab["<|begin_of_text|>"], "<|begin_of_text|>")]
    f["post_processor"] = {"type": "Sequence", "processors": [
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
        template(["<|begin_of_text|>"], [], vocab)]}
    f["model"] = bpe_model(vocab, merges, True, ignore_merges=True)
    f["truncation"] = {"direction": "Right", "max_length": 40, "strategy": "LongestFirst", "stride": 0}
    return f


def llama(corpus):
    f = skeleton({"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "\u2581"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]}, None)
    specials = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256) if b not in (0xf0, 0x9f)]
    vocab, merges = learn_bpe(f, corpus, specials, None, 300)
    f["added_tokens"] = [token(i, s) for i, s in enumerate(specials[:3])]
    f["post_processor"] = template(["<s>"], [], vocab)
    f["model"] = bpe_model(vocab, merges, False, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    return f


def xlmr(corpus):
    f = skeleton({"type": "Precompiled", "precompiled_charsmap": charsmap()}, {"type": "Sequence", "pretokenizers": [
        {"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True}]})
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    vocab = learn_unigram(f, corpus, specials, 700)
    f["added_tokens"] = [token(i, s) for i, s in enumerate(specials)]
    f["added_tokens"].append(token(len(vocab), "<mask>", lstrip=True))
    f["post_processor"] = template(["<s>"], ["</s>"], {"<s>": 0, "</s>": 2}, (1, 0, 2))
    f["model"] = {"type": "Unigram", "unk_id": 3, "vocab": vocab}
    return f


def t5(corpus):
    f = skeleton({"type": "Sequence", "normalizers": [
        {"type": "Nmt"}, {"type": "NFKC"}, {"type": "Strip", "strip_left": True, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
        {"type": "Sequence", "pretokenizers": [
            {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": True},
            {"type": "Digits", "individual_digits": True}, {"type": "Punctuation", "behavior": "MergedWithPrevious"}]})
    specials = ["<pad>", "</s>", "<unk>"] + ["<0x%02X>" % b for b in range(256)]
    vocab = learn_unigram(f, corpus, specials, 400)
    f["added_tokens"] = [token(i, s) for i, s in enumerate(specials[:3])]
    f["added_tokens"].append(token(len(vocab), "newtoken", False, lstrip=True))
    f["post_processor"] = template([], ["</s>"], {"</s>": 1})
    f["model"] = {"type": "Unigram", "unk_id": 2, "byte_fallback": True, "vocab": vocab}
    return f


def words(corpus):
    f = skeleton({"type": "Sequence", "normalizers": [
        {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, {"type": "NFC"},
        {"type": "Strip", "strip_left": True, "strip_right": False}]},
        {"type": "Sequence", "pretokenizers": [
            {"type": "Whitespace"}, {"type": "Split", "pattern": {"String": ":"}, "behavior": "MergedWithPrevious", "invert": False},
            {"type": "Split", "pattern": {"Regex": r"[0-9]\d*"}, "behavior": "MergedWithNext", "invert": False},
            {"type": "Punctuation", "behavior": "Contiguous"}, {"type": "Digits", "individual_digits": False},
            {"type": "CharDelimiterSplit", "delimiter": "\u3001"}]})
    often = [w for w, n in sorted(words_of(f, corpus).items(), key=lambda x: (-x[1], x[0]))][:900]
    f["model"] = {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {w: i for i, w in enumerate(["[UNK]"] + often)}}
    f["added_tokens"] = [token(0, "[UNK]", False)]
    return f


MAKERS = {"bert": lambda c: bert(c, False), "bert-cased": lambda c: bert(c, True), "gpt2": gpt2, "roberta": roberta,
          "clip": clip, "gpt4": gpt4, "llama": llama, "xlmr": xlmr, "t5": t5, "words": words}


def prepare(f):
    if f["model"]["type"] == "BPE":
        merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in f["model"]["merges"]]
        f["model"]["_ranks"] = {m: i for i, m in enumerate(merges)}
    return f


def write(name, what):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as out:
        json.dump(what, out, ensure_ascii=False, separators=(",", ":"))
        out.write("\n")


def main():
    if len(sys.argv) == 3:
        with open(os.path.join(HERE, sys.argv[1] + ".json"), encoding="utf-8") as f:
            print(*encode(prepare(json.load(f)), sys.argv[2])[0])
        return
    os.makedirs(HERE, exist_ok=True)
    corpus = texts()
    cases = {"texts": corpus + ODD, "ids": {}, "types": {}}
    for name, make in MAKERS.items():
        f = make(corpus)
        write(name + ".json", {k: v for k, v in f.items() if k[0] != "_"})
        prepare(f)
        made = [encode(f, t) for t in cases["texts"]]
        cases["ids"][name] = [i for i, _ in made]
        if any(any(t) for _, t in made):
            cases["types"][name] = [t for _, t in made]
    write("cases.json", cases)


if __name__ == "__main__":
    main()
