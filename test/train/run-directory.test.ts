import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRunDirectory, writeRunInfo } from '../../src/train/run-directory.node.js';

let folder: string;
let root: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcgpu-run-'));
  root = join(folder, 'RUN');
});
afterEach(() => rmSync(folder, { recursive: true }));

const HASHES = { seed: 1, configHash: 'c', dataHash: 'd', adapter: 'llvmpipe', tuning: null, startedFrom: null };
const startRun = async (): Promise<void> => {
  const run = await openRunDirectory(root, 'new');
  await writeRunInfo(run, { ...HASHES, step: 0 });
  writeFileSync(run.last, 'checkpoint');
  writeFileSync(run.metrics, '');
};

describe('openRunDirectory', () => {
  it('makes a new folder with its parents, and takes an empty one', async () => {
    const run = await openRunDirectory(join(root, 'a', 'b'), 'new');
    expect(readdirSync(run.root)).toEqual(['checkpoints']);
    mkdirSync(join(folder, 'empty'));
    await openRunDirectory(join(folder, 'empty'), 'new');
  });

  it('refuses an existing run without --resume or --overwrite and leaves it as it was', async () => {
    await startRun();
    await expect(openRunDirectory(root, 'new')).rejects.toThrow(
      /RUN: this folder is not empty\. Use --resume to go on, --overwrite to start anew, or another --out\./,
    );
    expect(existsSync(join(root, 'checkpoints', 'last.safetensors'))).toBe(true);
  });

  it('resumes a run and refuses to where there is no checkpoint', async () => {
    await expect(openRunDirectory(root, 'resume')).rejects.toThrow(/no checkpoint to resume from/);
    expect(existsSync(root)).toBe(false);
    await startRun();
    expect((await openRunDirectory(root, 'resume')).last).toBe(join(root, 'checkpoints', 'last.safetensors'));
  });

  it('overwrites the files of a run and nothing else', async () => {
    await startRun();
    writeFileSync(join(root, 'notes.txt'), 'mine');
    await openRunDirectory(root, 'overwrite');
    expect(readdirSync(root).sort()).toEqual(['checkpoints', 'notes.txt']);
    expect(readdirSync(join(root, 'checkpoints'))).toEqual([]);
  });

  it('does not overwrite a folder that is no run', async () => {
    mkdirSync(join(root, 'checkpoints'), { recursive: true });
    writeFileSync(join(root, 'checkpoints', 'thesis'), 'x');
    await expect(openRunDirectory(root, 'overwrite')).rejects.toThrow(/not a training run \(no run\.json\)/);
    expect(existsSync(join(root, 'checkpoints', 'thesis'))).toBe(true);
  });

  it('tells a file in the way', async () => {
    writeFileSync(root, '');
    await expect(openRunDirectory(root, 'new')).rejects.toThrow(/RUN: could not write it: a part of the path is a file, expected a folder/);
  });
});

describe('writeRunInfo', () => {
  it('records versions, hashes and adapter, and keeps the starts before a resume', async () => {
    await startRun();
    const run = await openRunDirectory(root, 'resume');
    await writeRunInfo(run, { ...HASHES, step: 500, adapter: 'SwiftShader', tuning: 'ab (2 choices)', startedFrom: 'another model' });
    const info = JSON.parse(readFileSync(run.runInfo, 'utf8')) as Record<string, unknown>;
    expect(info).toMatchObject({
      schema: 'mcgpu.run/1',
      notice: 'Research use only - not a medical device',
      seed: 1,
      configHash: 'c',
      dataHash: 'd',
      startedFrom: null,
    });
    expect(info.mcgpu).toMatch(/^\d+\.\d+\.\d+/);
    expect(info.commit ?? '0'.repeat(40)).toMatch(/^[0-9a-f]{40}\+?$/);
    expect(info.starts).toMatchObject([
      { step: 0, adapter: 'llvmpipe', tuning: null },
      { step: 500, adapter: 'SwiftShader', tuning: 'ab (2 choices)' },
    ]);
  });

  it('names neither the person nor the machine nor a path', async () => {
    await startRun();
    const text = readFileSync(join(root, 'run.json'), 'utf8');
    const keys = ['schema', 'notice', 'mcgpu', 'node', 'platform', 'commit', 'seed', 'configHash', 'dataHash', 'startedFrom', 'starts'];
    expect(Object.keys(JSON.parse(text) as object)).toEqual(keys);
    for (const path of [folder, process.cwd(), `${userInfo().homedir}/`]) expect(text).not.toContain(path);
  });
});
