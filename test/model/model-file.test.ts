import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { registerInfo } from '../../src/cli/info.js';
import { UserError } from '../../src/errors.js';
import { checkTensors, decodeModelFile, encodeModelFile, type ModelFile, type ModelInfo } from '../../src/model/model-file.js';
import { readModelFile, writeModelFile } from '../../src/model/model-file.node.js';
import { floatTensor, writeSafetensors, type StoredTensor } from '../../src/model/safetensors.js';

const INFO: ModelInfo = {
  schema: 'mcgpu.model/1',
  architecture: 'unet3plus',
  config: { encoder: [8, 16], context: true },
  pixelSpacingMm: 0.1,
  normalisation: { kind: 'local-contrast', blurMm: 2, noiseMm: 3.6, noiseFloor: 0.004, clip: 10 },
  classes: ['none', 'benign-like', 'malignant-like'],
  threshold: 0.5,
  training: { dataHash: 'abc', seed: 7, steps: 100, commit: null, adapter: 'llvmpipe', startedFrom: null },
  card: '# Card\nTrained on phantoms.',
};
const model = (change: object = {}, weights = [1, 2]): ModelFile => ({
  info: { ...INFO, ...change },
  tensors: new Map([['head.0.weight', floatTensor([2], new Float32Array(weights))]]),
});
/** A file with this metadata, unchecked. */
const withMetadata = (value: string): Uint8Array => writeSafetensors(model().tensors, { 'mcgpu.model': value });

describe('a model file', () => {
  it('gives back what was written', () => {
    expect(decodeModelFile(encodeModelFile(model()), 'm')).toEqual(model());
  });

  const bad: [string, Uint8Array, RegExp][] = [
    ['a foreign safetensors file', writeSafetensors(model().tensors), /another program: it has no metadata 'mcgpu.model'/],
    ['a checkpoint', writeSafetensors(model().tensors, { 'mcgpu.checkpoint': '{}' }), /training checkpoint, expected a model/],
    ['metadata that are no JSON', withMetadata('{'), /not valid JSON/],
    ['no schema', withMetadata('[]'), /of no schema/],
    [
      'a later schema',
      withMetadata(JSON.stringify({ ...INFO, schema: 'mcgpu.model/2' })),
      /'mcgpu.model\/2', this version reads 'mcgpu.model\/1'/,
    ],
    ['a threshold out of range', withMetadata(JSON.stringify({ ...INFO, threshold: 2 })), /mcgpu.model.threshold: /],
    ['a null pixel spacing', withMetadata(JSON.stringify({ ...INFO, pixelSpacingMm: null })), /mcgpu.model.pixelSpacingMm: /],
    ['other classes', withMetadata(JSON.stringify({ ...INFO, classes: ['a', 'b', 'c'] })), /mcgpu.model.classes.0: /],
    ['an unknown field', withMetadata(JSON.stringify({ ...INFO, extra: 1 })), /extra/],
    [
      'a NaN weight',
      writeSafetensors(model({}, [1, NaN]).tensors, { 'mcgpu.model': JSON.stringify(INFO) }),
      /'head.0.weight' holds NaN at index 1/,
    ],
  ];
  it.each(bad)('is refused with a clear error: %s', (_, bytes, message) => {
    const read = (): unknown => decodeModelFile(bytes, 'm.safetensors');
    expect(read).toThrow(UserError);
    expect(read).toThrow(message);
    expect(read).toThrow(/^m\.safetensors: /);
  });

  it('is not written with NaN weights or with metadata it could not be read with', () => {
    expect(() => encodeModelFile(model({}, [NaN, 0]))).toThrow(UserError);
    expect(() => encodeModelFile(model({ pixelSpacingMm: 0 }))).toThrow();
  });
});

describe('checkTensors', () => {
  const tensors = new Map<string, StoredTensor>([['a', floatTensor([2, 1], new Float32Array(2))]]);
  it.each([
    ['a missing tensor', { a: [2, 1], b: [3] }, /'b' is missing, expected F32 \[3\]/],
    ['another shape', { a: [1, 2] }, /'a' is F32 \[2, 1\], expected F32 \[1, 2\]/],
    ['another rank', { a: [2, 1, 1] }, /'a' is F32 \[2, 1\]/],
    ['a tensor the network lacks', {}, /'a' is not part of the network/],
  ])('names %s', (_, expected, message) => {
    expect(() => checkTensors(tensors, new Map(Object.entries(expected)), 'm')).toThrow(message);
  });

  it('accepts exactly the expected tensors', () => {
    expect(() => checkTensors(tensors, new Map([['a', [2, 1]]]), 'm')).not.toThrow();
  });
});

describe('model files on disk', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'mcgpu-model-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are written in one step and leave no temporary file', async () => {
    const path = join(folder, 'm.safetensors');
    await writeModelFile(path, model({ threshold: 0.1 }));
    await writeModelFile(path, model());
    expect(readdirSync(folder)).toEqual(['m.safetensors']);
    expect(await readModelFile(path)).toEqual(model());
    expect(new Uint8Array(readFileSync(path))).toEqual(encodeModelFile(model()));
  });

  it('that are missing, a folder, or in a missing folder are told with the repair', async () => {
    await expect(readModelFile(join(folder, 'none'))).rejects.toThrow(/none: could not read it: no such file or folder. Check the path/);
    await expect(readModelFile(folder)).rejects.toThrow(/this is a folder/);
    await expect(writeModelFile(join(folder, 'no', 'm'), model())).rejects.toThrow(UserError);
  });

  it('that are text or cut short are told as such', async () => {
    const path = join(folder, 'm.safetensors');
    writeFileSync(path, 'this is a text file and no model');
    await expect(readModelFile(path)).rejects.toThrow(/not a safetensors file/);
    writeFileSync(path, encodeModelFile(model()).subarray(0, -1));
    await expect(readModelFile(path)).rejects.toThrow(/cut short/);
  });

  it('are described by mcgpu info as text and as JSON', async () => {
    const path = join(folder, 'm.safetensors');
    await writeModelFile(path, model());
    const printed: string[] = [];
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
    try {
      const program = new Command();
      registerInfo(program);
      await program.parseAsync(['node', 'mcgpu', 'info', path]);
      await program.parseAsync(['node', 'mcgpu', 'info', path, '--json']);
    } finally {
      write.mockRestore();
    }
    expect(printed[0]).toMatch(/marks {10}threshold 0\.5\n[^]*Trained on phantoms\.[^]*Research use only - not a medical device/);
    expect(JSON.parse(printed[1] ?? '')).toMatchObject({ ...INFO, tensors: 1, values: 2 });
  });
});
