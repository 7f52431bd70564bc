// SPDX-License-Identifier: MIT
// onnx_runtime: runs exported models in ONNX Runtime on their golden input and compares with their
// golden outputs. Reads the metadata from the file's bytes itself, so that nothing of ours is trusted.
// Usage: node onnx_runtime.mjs FOLDER_WITH_NODE_MODULES FILE.onnx...
// Prints a table row per file: distance = largest |difference| / max(1, |golden|); a last column runs
// a batch of 3, and for a model of any length the largest distance over FILE.FRAMES.f32 (export_presets.c). Exit code 1
// when one is beyond 1e-4, or 2e-2 of a network in 8 bits.
import { createRequire } from "node:module";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

const TOLERANCE = 1e-4;
const TOLERANCE_INT8 = 2e-2; // of NAME-int8.onnx: sums in another order may put a value on the other side of a step
const require = createRequire(resolve(process.argv[2]) + "/");
const ort = require("onnxruntime-node");

// Fields of one protobuf message: [number, value]; lengths give bytes, varints numbers.
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0, scale = 1, byte;
    do {
      byte = bytes[at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    return value;
  };
  while (at < bytes.length) {
    const tag = varint(), kind = tag & 7, number = Math.floor(tag / 8);
    if (kind === 0) yield [number, varint()];
    else if (kind === 2) {
      const size = varint();
      yield [number, bytes.subarray(at, at + size)];
      at += size;
    } else at += kind === 5 ? 4 : 8;
  }
}

// ModelProto.metadata_props is field 14, of messages {key = 1, value = 2}.
function metadata(bytes) {
  const found = new Map();
  for (const [number, entry] of fields(bytes)) {
    if (number !== 14) continue;
    const text = new Map(fields(entry));
    found.set(text.get(1).toString("utf8"), text.get(2).toString("utf8"));
  }
  return found;
}

function floats(hex) {
  const bytes = Buffer.from(hex, "hex");
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

// One sample as the graph takes it; text inputs list their non-zero entries.
function golden(text, size) {
  if (!text.includes(":")) return floats(text);
  const row = new Float32Array(size);
  for (const pair of text.split(" ")) {
    const [bucket, weight] = pair.split(":").map(Number);
    row[bucket] = weight;
  }
  return row;
}

function distance(have, want, times) {
  if (have.length !== want.length * times) return NaN;
  let worst = 0;
  have.forEach((x, i) => {
    const y = want[i % want.length], d = Math.abs(x - y) / Math.max(1, Math.abs(y));
    if (!(d <= worst)) worst = d;
  });
  return worst;
}

async function run(session, shape, row, batch) {
  const data = new Float32Array(row.length * batch);
  for (let i = 0; i < batch; i++) data.set(row, i * row.length);
  const out = await session.run({ input: new ort.Tensor("float32", data, [batch, ...shape]) });
  return [out.embedding.data, out.logits.data];
}

// Inputs of other lengths with our outputs; bands: numbers of a frame.
async function lengths(session, file, bands) {
  const stem = basename(file, ".onnx"), found = [];
  for (const name of readdirSync(dirname(file))) {
    const frames = name.startsWith(stem + ".") && name.endsWith(".f32") ? Number(name.split(".").at(-2)) : 0;
    if (!frames) continue;
    const bytes = readFileSync(join(dirname(file), name));
    const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const [embedding, logits] = await run(session, [frames, bands], all.slice(0, frames * bands), 1);
    const want = all.slice(frames * bands), size = embedding.length;
    found.push(distance(embedding, want.slice(0, size), 1), distance(logits, want.slice(size), 1));
  }
  return found;
}

let failed = false;
console.log("| model | embedding | logits | batch of 3 | 0.3 to 60 s |\n|---|---|---|---|---|");
for (const file of process.argv.slice(3)) {
  const texts = metadata(readFileSync(file));
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  const shape = session.inputMetadata[0].shape.slice(1), open = typeof shape[0] === "string" || shape[0] < 0;
  if (open) shape[0] = Number(texts.get("retort.time"));
  const row = golden(texts.get("retort.golden.input"), shape.reduce((a, b) => a * b, 1));
  const want = ["embedding", "logits"].map((name) => floats(texts.get("retort.golden." + name)));
  const one = (await run(session, shape, row, 1)).map((have, i) => distance(have, want[i], 1));
  const three = (await run(session, shape, row, 3)).map((have, i) => distance(have, want[i], 3));
  const all = [...one, Math.max(...three)], others = open ? await lengths(session, file, shape[1]) : [];
  if (others.length) all.push(Math.max(...others));
  const allowed = file.endsWith("-int8.onnx") ? TOLERANCE_INT8 : TOLERANCE;
  if (!all.every((d) => d <= allowed)) failed = true;
  console.log(`| ${basename(file, ".onnx")} | ${all.map((d) => d.toExponential(1)).join(" | ")}${others.length ? "" : " | -"} |`);
}
process.exit(failed ? 1 : 0);
