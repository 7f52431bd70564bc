// SPDX-License-Identifier: MIT
// architectures: every arch_NET.onnx of a folder in ONNX Runtime, on the inputs NET.N.in.NAME of its
// architectures.safetensors, against the outputs NET.N.out.NAME.
// Usage: node architectures.mjs FOLDER_WITH_NODE_MODULES GOLDEN_FOLDER
// Prints a table row per network: the largest |difference| / max(1, |expected|). Exit code 1 when one is beyond 1e-4.
import { createRequire } from "node:module";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const TOLERANCE = 1e-4;
const require = createRequire(resolve(process.argv[2]) + "/");
const ort = require("onnxruntime-node");
const golden = process.argv[3];
const bytes = readFileSync(join(golden, "architectures.safetensors"));
const begin = 8 + Number(bytes.readBigUInt64LE(0)), header = JSON.parse(bytes.subarray(8, begin).toString("utf8"));

function tensor(name) {
  const t = header[name];
  if (!t) return null;
  const [from, to] = t.data_offsets.map((at) => bytes.byteOffset + begin + at), data = bytes.buffer.slice(from, to);
  return t.dtype === "I64" ? new ort.Tensor("int64", new BigInt64Array(data), t.shape)
                           : new ort.Tensor("float32", new Float32Array(data), t.shape);
}

function distance(have, want) {
  if (have.dims.join() !== want.dims.join()) return NaN;
  let worst = 0;
  have.data.forEach((x, i) => {
    const d = Math.abs(x - want.data[i]) / Math.max(1, Math.abs(want.data[i]));
    if (!(d <= worst)) worst = d;
  });
  return worst;
}

let failed = false;
console.log("| network | cases | ONNX Runtime's distance to PyTorch |\n|---|---|---|");
for (const file of readdirSync(golden).filter((f) => /^arch_.*\.onnx$/.test(f)).sort()) {
  const net = file.slice(5, -5);
  const session = await ort.InferenceSession.create(join(golden, file), { logSeverityLevel: 3, intraOpNumThreads: 1 });
  let worst = 0, cases = 0;
  for (; tensor(`${net}.${cases}.in.${session.inputNames[0]}`); cases++) {
    const feeds = Object.fromEntries(session.inputNames.map((n) => [n, tensor(`${net}.${cases}.in.${n}`)]));
    const out = await session.run(feeds);
    for (const name of session.outputNames) {
      const d = distance(out[name], tensor(`${net}.${cases}.out.${name}`));
      if (!(d <= worst)) worst = d;
    }
  }
  if (!(worst <= TOLERANCE) || cases === 0) failed = true;
  console.log(`| ${net} | ${cases} | ${worst.toExponential(1)} |`);
}
process.exit(failed ? 1 : 0);
