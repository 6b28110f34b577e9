// Compares the engines with each other at a small size: `node compare.mjs [--side 32] [--batch 2] [--workloads M,I,T] [--engines a,b]`. Inputs come from
// lib/small-inputs.mjs. Differences are those from the first engine that answers, relative to its largest value (a gradient: to the
// largest value of all gradients).
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readTensors, writeTensors } from './lib/safetensors.mjs';
import { smallInputs } from './lib/small-inputs.mjs';

const { values } = parseArgs({
  options: {
    side: { type: 'string', default: '32' },
    batch: { type: 'string', default: '2' },
    workloads: { type: 'string', default: 'M,I,T' },
    engines: { type: 'string', default: 'pytorch-cpu,onnxruntime-cpu,onnxruntime-webgpu,jax-js,tensorflow-js' },
  },
});

const folder = mkdtempSync(path.join(tmpdir(), 'mcgpu-peers-'));
try {
  for (const workload of values.workloads.split(',')) await compareEngines(workload);
} finally {
  rmSync(folder, { recursive: true });
}

async function compareEngines(workload) {
  const input = path.join(folder, `${workload}.safetensors`);
  writeTensors(input, smallInputs(workload, { side: Number(values.side), batch: Number(values.batch) }));
  let reference;
  for (const engine of values.engines.split(',')) {
    const output = path.join(folder, `${workload}.${engine}.safetensors`);
    const { lines, code } = await runPeer(engine, ['--workload', workload, '--input', input, '--output', output]);
    for (const { op, error } of lines) if (error) console.log(`${workload}  ${engine}  ${op}: ${error}`);
    if (!lines.some((line) => line.done)) console.log(`${workload}  ${engine}: ended with ${code}`);
    const tensors = existsSync(output) ? readTensors(output) : new Map();
    if (tensors.size === 0) continue;
    if (reference) report(workload, engine, differences(reference.tensors, tensors), reference.engine);
    reference ??= { engine, tensors };
  }
}

/** Runs a peer without repetitions and returns its lines and how it ended. */
function runPeer(engine, args) {
  const script = fileURLToPath(new URL(`${engine}/peer.mjs`, import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.end('end\n');
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part) => (text += part));
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ lines: text.trim().split('\n').filter(Boolean).map(JSON.parse), code: signal ?? code })); // prettier-ignore
  });
}

/** Largest difference per tensor, all gradients as one. */
function differences(expected, found) {
  const groups = new Map();
  for (const [name, { data }] of found) {
    const group = name.startsWith('grad.') ? 'gradients' : name;
    const entry = groups.get(group) ?? { worst: 0, largest: 0, at: name, squares: 0, error: 0 };
    const reference = expected.get(name)?.data;
    if (!reference) continue;
    data.forEach((value, i) => {
      const difference = Math.abs(value - reference[i]);
      entry.largest = Math.max(entry.largest, Math.abs(reference[i]));
      entry.squares += reference[i] ** 2;
      entry.error += difference ** 2;
      if (!(difference <= entry.worst)) Object.assign(entry, { worst: difference, at: `${name}[${i}]` });
    });
    groups.set(group, entry);
  }
  return groups;
}

function report(workload, engine, groups, reference) {
  for (const [name, { worst, largest, at, squares, error }] of groups) {
    const relative = `${(worst / largest).toExponential(1)} of ${largest.toPrecision(4)} at ${at}`;
    console.log(`${workload}  ${engine}  ${name}: ${relative}, L2 ${Math.sqrt(error / squares).toExponential(1)}, from ${reference}`);
  }
}
