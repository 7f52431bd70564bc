// SPDX-License-Identifier: MIT
// agree: runs one file in ONNX Runtime on inputs of one number each; called by tests/bench/agree.
// Usage: node agree.mjs FOLDER_WITH_NODE_MODULES FILE.onnx '[{"name", "type", "fill", "shape"}, ...]'
// Prints, of the graph as it is and as ONNX Runtime rewrites it, {output: [lowest, highest, mean]}.
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [modules, file, inputs] = process.argv.slice(2);
const ort = createRequire(resolve(modules) + "/")("onnxruntime-node");
const feeds = {};
for (const { name, type, fill, shape } of JSON.parse(inputs)) {
  const count = shape.reduce((a, b) => a * b, 1);
  const data = type === "int64" ? new BigInt64Array(count).fill(BigInt(fill))
    : type === "int32" ? new Int32Array(count).fill(fill) : new Float32Array(count).fill(fill);
  feeds[name] = new ort.Tensor(type, data, shape);
}

async function outcome(graphOptimizationLevel) {
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3, graphOptimizationLevel });
  const found = {};
  for (const [name, tensor] of Object.entries(await session.run(feeds))) {
    let low = Infinity, high = -Infinity, sum = 0;
    for (const x of tensor.data) {
      low = Math.min(low, Number(x));
      high = Math.max(high, Number(x));
      sum += Number(x);
    }
    found[name] = [low, high, sum / tensor.data.length];
  }
  return found;
}

console.log(JSON.stringify([await outcome("disabled"), await outcome("all")]));
process.exit(0);
