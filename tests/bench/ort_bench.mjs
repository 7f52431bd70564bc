// SPDX-License-Identifier: MIT
// ort_bench: times a model in ONNX Runtime; nn_compare runs it beside `retort bench`.
// Usage: node ort_bench.mjs FOLDER_WITH_NODE_MODULES FILE.onnx THREADS BATCH SECONDS [LENGTH]
// LENGTH: of a dimension that the file leaves open.
// Prints one line of JSON: "ms" is the time that a tenth of the runs stay below, beside median and 99th percentile.
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [modules, file, threads, batch, seconds, length] = process.argv.slice(2);
const ort = createRequire(resolve(modules) + "/")("onnxruntime-node");
const session = await ort.InferenceSession.create(file, {
  logSeverityLevel: 3, intraOpNumThreads: Number(threads), interOpNumThreads: 1,
  graphOptimizationLevel: "all",
});
const shape = [Number(batch), ...session.inputMetadata[0].shape.slice(1).map((d) => (d > 0 ? d : Number(length)))];
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
const quantile = (q) => Number(times[Math.floor(times.length * q)].toFixed(3));
console.log(JSON.stringify({ ms: quantile(0.1), median_ms: quantile(0.5), p99_ms: quantile(0.99),
                             peak_bytes: process.resourceUsage().maxRSS * 1024 }));
process.exit(0);
