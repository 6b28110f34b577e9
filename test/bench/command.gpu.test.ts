import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readArrays } from '../../src/bench/array-files.node.js';
import type { Row } from '../../src/bench/row.js';
import type { Gain } from '../../src/bench/tune.js';
import { WORKLOADS } from '../../src/bench/workloads.js';
import type { TunedOp } from '../../src/kernels/tune.js';
import type { TuningFile } from '../../src/runtime/tuning.js';
import { mcgpu } from '../support/command-process.js';
import { SOMEWHERE } from './tiny.js';

const folder = mkdtempSync(join(tmpdir(), 'mcgpu-bench-'));
const file = (name: string): string => join(folder, name);

describe('mcgpu bench', () => {
  it('measures one operation on the inputs of a file, and writes what it computed', async () => {
    const [input, output] = [file('input.safetensors'), file('output.safetensors')];
    expect((await mcgpu(['bench', '--workload', 'M', '--write-input', input])).status).toBe(0);
    const files = ['--input', input, '--output', output];
    const { status, stdout, stderr } = await mcgpu([
      ...['bench', '--workload', 'M', '--filter', 'max-pool', '--reps', '2', '--json', '-'],
      ...files,
    ]);
    expect(status, stderr).toBe(0);
    const rows = stdout.trim().split('\n').map((line) => JSON.parse(line) as Row); // prettier-ignore
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ workload: 'M', op: 'max-pool-2', reps: 2, dispatches: 1, engine: 'mcgpu' });
    for (const key of ['adapter', 'driver', 'backend', 'version', 'date'] as const) expect(rows[0]?.[key]).toMatch(/./);
    const x = (await readArrays(input)).get('x')?.data ?? new Float32Array();
    const y = (await readArrays(output)).get('y');
    expect(y?.shape).toEqual([1, 16, 256, 256]);
    expect(y?.data[0]).toBe(Math.max(x[0]!, x[1]!, x[512]!, x[513]!));
  });

  it('does not compare with other engines in half precision', async () => {
    const { status, stderr } = await mcgpu(['bench', 'peers', '--precision', 'f16']);
    expect(status).toBe(1);
    expect(stderr).toContain('other engines, which store maps in f32; drop --precision f16');
  });

  it('checks gradients against float64', async () => {
    const { status, stdout, stderr } = await mcgpu(['bench', 'correct', '--filter', 'S-32', '--json', '-']);
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ workload: 'S-32', op: 'gradient-check', passed: true, engine: 'mcgpu' });
  });

  it.each([
    ['an unknown workload', ['--workload', 'X'], WORKLOADS.map(({ name }) => name)],
    ['an unknown group', ['speed'], ['kernels, train, infer']],
    ['a filter without a match', ['train', '--filter', 'nothing'], ['T train-step', 'C-T train-step']],
    ['a size that is not checked', ['correct', '--filter', 'S-33'], ['S-32 train-step', 'S-512 train-step']],
    ['inputs of no workload', ['--input', 'x.safetensors'], ['Add --workload']],
  ])('answers %s with what there is', async (_, args, hints) => {
    const { status, stderr } = await mcgpu(['bench', ...args]);
    expect(status).toBe(1);
    for (const hint of hints) expect(stderr).toContain(hint);
  });

  it('refuses to compare with another adapter, before it measures anything', async () => {
    const old = file('old.jsonl');
    writeFileSync(old, `${JSON.stringify({ workload: 'M', op: 'conv3x3', medianMs: 1, ...SOMEWHERE })}\n`);
    const { status, stdout, stderr } = await mcgpu(['bench', '--workload', 'M', '--compare', old]);
    expect(status).toBe(1);
    expect(stderr).toContain('another adapter: "test adapter"');
    expect(stdout).toBe('');
  });
});

describe('mcgpu bench --tune', () => {
  const operation = ['--workload', 'M', '--filter', 'conv3x3-grad-input', '--reps', '1'];
  const rowsOf = (stdout: string): Partial<Row & Gain & { tuned: TunedOp }>[] =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Row);

  it('writes what it measured, and shows the gain; --tuning measures with it, and ignores one of another driver with a line', async () => {
    const table = file('tuning.json');
    const { status, stdout, stderr } = await mcgpu(['bench', ...operation, '--tune', table, '--json', '-']);
    expect(status, stderr).toBe(0);
    const rows = rowsOf(stdout);
    const gain = rows.at(-1);
    const tuned = rows.slice(0, -1).map((row) => row.tuned);
    expect(tuned.map((op) => op?.key).sort()).toEqual(['conv3x3 16->16 262144px f32', 'conv3x3-way 16->16 262144px f32']);
    expect(gain).toMatchObject({ workload: 'M', op: 'conv3x3-grad-input' });
    expect(gain?.gain).toBeGreaterThan(0);
    const written = JSON.parse(readFileSync(table, 'utf8')) as TuningFile;
    expect(written.choices).toEqual(Object.fromEntries(tuned.map((op) => [op?.key, op?.choice])));

    const used = await mcgpu(['bench', ...operation, '--tuning', table, '--json', '-']);
    expect(rowsOf(used.stdout)[0]?.tuning).toMatch(/\(2 choices\)$/);
    expect(used.stderr).not.toContain('ignored');
    writeFileSync(table, JSON.stringify({ ...written, driver: 'older' }));
    const stale = await mcgpu(['bench', ...operation, '--tuning', table, '--json', '-']);
    expect(stale.stderr).toContain(
      `warning: ${table} is ignored: it was measured on another driver, "older", here it is "${written.driver}"`,
    );
    expect(stale.status).toBe(0);
    expect(rowsOf(stale.stdout)[0]?.tuning).toBeNull();
  });

  it('refuses a broken table, both options at once, and a group that runs no kernel', async () => {
    const broken = file('broken.json');
    writeFileSync(broken, '{');
    const answers = await Promise.all([
      mcgpu(['bench', ...operation, '--tuning', broken]),
      mcgpu(['bench', ...operation, '--tuning', broken, '--tune', file('new.json')]),
      mcgpu(['bench', 'data', '--tune', file('new.json')]),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([1, 1, 1]);
    expect(answers[0].stderr).toMatch(/broken\.json: not JSON.*bench --tune/);
    expect(answers[1].stderr).toContain('drop the other');
    expect(answers[2].stderr).toContain('Give --workload NAME or another group');
  });
});
