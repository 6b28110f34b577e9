import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { decodeModelFile } from '../../src/model/model-file.js';
import { floatTensor, writeSafetensors, type StoredTensor } from '../../src/model/safetensors.js';
import { checkResumable, decodeCheckpoint, encodeCheckpoint, type Checkpoint, type CheckpointState } from '../../src/train/checkpoint.js';
import { readCheckpoint, writeCheckpoint } from '../../src/train/checkpoint.node.js';

const STATE: CheckpointState = {
  schema: 'mcgpu.checkpoint/1',
  step: 500,
  seed: 7,
  configHash: 'c'.repeat(64),
  dataHash: 'd'.repeat(64),
  adapter: 'llvmpipe',
  tuning: {
    schema: 'mcgpu.tuning/1',
    adapter: 'llvmpipe',
    driver: 'Mesa',
    wgsl: '0',
    choices: { 'conv1x1 8->8 4096px f32': 'quarter wg32' },
  },
  best: { step: 400, score: 0.1 + 0.2 },
  elapsedS: 12.5,
};
const checkpoint = (change: Partial<CheckpointState> = {}, weights = [1, -0, 1e-45]): Checkpoint => ({
  state: { ...STATE, ...change },
  model: new Map([['enc.0.bn.running_mean', { shape: [3], data: new Float32Array(weights) }]]),
  optimizer: new Map([
    ['m.enc.0.bn.weight', { shape: [1, 2], data: new Float32Array([1, 2]) }],
    ['ema.enc.0.bn.running_mean', { shape: [3], data: new Float32Array(3) }],
  ]),
});

describe('a checkpoint', () => {
  it('gives back every value bit for bit, and its state', () => {
    expect(decodeCheckpoint(encodeCheckpoint(checkpoint()), 'c')).toEqual(checkpoint());
  });

  it('is the same bytes for the same content, so that two runs can be compared as files', () => {
    expect(encodeCheckpoint(checkpoint())).toEqual(encodeCheckpoint(checkpoint()));
  });

  it('is not written with NaN in it, and says at which step and where', () => {
    expect(() => encodeCheckpoint(checkpoint({}, [NaN, 0, 0]))).toThrow(
      /^checkpoint of step 500: tensor 'model\/enc\.0\.bn\.running_mean' holds NaN/,
    );
  });

  it('given as a model is told from one', () => {
    expect(() => decodeModelFile(encodeCheckpoint(checkpoint()), 'last.safetensors')).toThrow(
      /this is a training checkpoint, expected a model/,
    );
  });

  const tensors = new Map<string, StoredTensor>([['model/w', floatTensor([1], new Float32Array(1))]]);
  const withState = (state: object): Uint8Array => writeSafetensors(tensors, { 'mcgpu.checkpoint': JSON.stringify(state) });
  it.each([
    ['cut short', encodeCheckpoint(checkpoint()).subarray(0, -4), /cut short/],
    ['foreign', writeSafetensors(tensors), /not a training checkpoint: it has no metadata 'mcgpu.checkpoint'/],
    ['of a later schema', withState({ ...STATE, schema: 'mcgpu.checkpoint/2' }), /mcgpu\.checkpoint\.schema: /],
    ['with a negative step', withState({ ...STATE, step: -1 }), /mcgpu\.checkpoint\.step: /],
    ['with broken JSON', writeSafetensors(tensors, { 'mcgpu.checkpoint': '{' }), /metadata mcgpu\.checkpoint: /],
    [
      'with a tensor of another type',
      writeSafetensors(new Map([['model/w', { dtype: 'I32', shape: [1], data: new Int32Array(1) }]]), {
        'mcgpu.checkpoint': JSON.stringify(STATE),
      }),
      /'model\/w' is I32, expected F32/,
    ],
  ])('%s is refused with a clear error', (_, bytes, message) => {
    const read = (): unknown => decodeCheckpoint(bytes, 'last.safetensors');
    expect(read).toThrow(UserError);
    expect(read).toThrow(message);
  });
});

describe('checkResumable', () => {
  const same = { configHash: STATE.configHash, dataHash: STATE.dataHash, adapter: STATE.adapter, seed: STATE.seed };
  it.each([
    ['configuration', { configHash: 'x' }],
    ['data', { dataHash: 'x' }],
    ['seed', { seed: 8 }],
  ])('refuses another %s', (name, change) => {
    expect(() => checkResumable(checkpoint(), { ...same, ...change }, 'c')).toThrow(new RegExp(`^c: written with ${name} `));
  });

  it('accepts the same run, and warns of another adapter', () => {
    expect(checkResumable(checkpoint(), same, 'c')).toEqual([]);
    expect(checkResumable(checkpoint(), { ...same, adapter: 'SwiftShader' }, 'c')).toEqual([expect.stringContaining('not bit for bit')]);
  });
});

describe('checkpoints on disk', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'mcgpu-checkpoint-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('replace the one before only when whole, and never one with NaN', async () => {
    const path = join(folder, 'last.safetensors');
    await writeCheckpoint(path, checkpoint({ step: 1 }));
    await writeCheckpoint(path, checkpoint({ step: 2 }));
    await expect(writeCheckpoint(path, checkpoint({ step: 3 }, [NaN, 0, 0]))).rejects.toThrow(UserError);
    expect((await readCheckpoint(path)).state.step).toBe(2);
    expect(readdirSync(folder)).toEqual(['last.safetensors']);
  });

  it('that were torn by something else are refused', async () => {
    const path = join(folder, 'last.safetensors');
    await writeCheckpoint(path, checkpoint());
    writeFileSync(path, readFileSync(path).subarray(0, 300));
    await expect(readCheckpoint(path)).rejects.toThrow(/last\.safetensors: cut short/);
  });
});
