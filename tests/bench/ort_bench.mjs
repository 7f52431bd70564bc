// SPDX-License-Identifier: MIT
// ort_bench: times a model in ONNX Runtime; nn_compare runs it beside `retort bench`.
// Usage: node ort_bench.mjs FOLDER_WITH_NODE_MODULES FILE.onnx THREADS BATCH SECONDS
// Prints one line of JSON: "ms" is the time that a tenth of the runs stay below.
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [modules, file, threads, batch, seconds] = process.argv.slice(2);
const ort = createRequire(resolve(modules) + "/")("onnxruntime-node");
const session = await ort.InferenceSession.create(file, {
  logSeverityLevel: 3, intraOpNumThreads: Number(threads), interOpNumThreads: 1,
  graphOptimizationLevel: "all",
});
const shape = [Number(batch), ...session.inputMetadata[0].shape.slice(1)];
const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
let state = 1;
for (let i = 0; i < data.length; i++) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  data[i] = state / 2 ** 31 - 1;
}
const feeds = { [session.inputNames[0]]: new ort.Tensor("float32", data, shape) };
await session.run(feeds);
const times = [], end = performance.now() + 1000 * Number(seconds);
while (times.length < 5 || performance.now() < end) {
  const start = performance.now();
  await session.run(feeds);
  times.push(performance.now() - start);
}
times.sort((a, b) => a - b);
console.log(JSON.stringify({ ms: Number(times[Math.floor(times.length / 10)].toFixed(3)),
                             peak_bytes: process.resourceUsage().maxRSS * 1024 }));
process.exit(0);
