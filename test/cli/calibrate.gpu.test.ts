import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SHIPPED_MODEL } from '../../src/detect/shipped-model.node.js';
import { readModelFile } from '../../src/model/model-file.node.js';
import { runCommand } from '../support/command-line.js';
import { modelBytes } from '../support/model.js';
import { temporaryFolder } from '../train/small-run.js';

const folder = temporaryFolder();
const out = join(folder, 'calibrated.safetensors');
const calibrate = (model: string, ...argv: string[]) => runCommand('calibrate', model, '--data', 'phantom', '--out', out, ...argv);

describe('mcgpu calibrate', () => {
  it('writes the model with other scores and threshold, the same weights, and a line on its card', async () => {
    const { code, stdout } = await calibrate(SHIPPED_MODEL, '--patches', '40', '--false-positives', '0.5');
    expect(code).toBe(0);
    expect(stdout).toMatch(/threshold 0\.\d+; sensitivity 0\.\d+ at 0\.5 false positives per sample/);
    const [before, after] = [await readModelFile(SHIPPED_MODEL), await readModelFile(out)];
    expect(after.info.scores).not.toEqual(before.info.scores);
    expect(after.info.scores!.finding.weights[0]).toBeGreaterThan(0);
    expect(after.info.training).toEqual(before.info.training);
    expect(after.info.card).toMatch(/Calibrated again on 40 samples/);
    for (const [name, { data }] of before.tensors) expect(after.tensors.get(name)?.data).toEqual(data);
  });

  it('does not replace a file unless told to', async () => {
    const bytes = readFileSync(out);
    const refused = await calibrate(SHIPPED_MODEL, '--patches', '40');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/calibrated\.safetensors exists already.*--overwrite/);
    expect(readFileSync(out)).toEqual(bytes);
    expect((await calibrate(SHIPPED_MODEL, '--patches', '24', '--overwrite')).code).toBe(0);
    expect(readFileSync(out)).not.toEqual(bytes);
  });

  it('says so where there is too little to fit on, and writes nothing', async () => {
    const random = join(folder, 'random.safetensors');
    writeFileSync(random, modelBytes(3));
    const none = join(folder, 'none.safetensors');
    const { code, stderr } = await runCommand('calibrate', random, '--data', 'phantom', '--out', none, '--patches', '1');
    expect(code).toBe(1);
    expect(stderr).toMatch(/1 samples are too few to calibrate on.*--patches 4 or more/);
    expect(existsSync(none)).toBe(false);
  });

  it('explains a rate that is none', async () => {
    const { code, stderr } = await calibrate(SHIPPED_MODEL, '--false-positives', 'few');
    expect(code).toBe(2);
    expect(stderr).toMatch(/'few' is not a rate; write a number above 0/);
  });
});
