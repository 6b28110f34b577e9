import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNodeDevice } from '../../src/runtime/gpu.node.js';
import type { RunResult } from '../../src/train/run.node.js';
import { testDevice } from '../support/gpu.js';
import { afterSteps, leftBy, smallConfig, temporaryFolder, train } from './small-run.js';

const device = await testDevice();
const folder = temporaryFolder();
const smallDisk = mountSmallDisk(join(folder, 'disk'));
let whole: RunResult;
beforeAll(async () => {
  whole = await train(device, join(folder, 'whole'));
});

/** A file system of 2 MiB, or null where this process may not mount one. */
function mountSmallDisk(at: string): string | null {
  mkdirSync(at);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'mcgpu-test', at], { stdio: 'ignore' });
  } catch {
    return null;
  }
  afterAll(() => {
    execFileSync('umount', [at]);
  });
  return at;
}

function fill(disk: string): string {
  const { bavail, bsize } = statfsSync(disk);
  const file = join(disk, 'filler');
  writeFileSync(file, new Uint8Array(bavail * bsize));
  return file;
}

describe('a device that is lost in mid-training', () => {
  it('is told with the repair; the last checkpoint is intact and the resumed run exact', async () => {
    const doomed = await openNodeDevice();
    const out = join(folder, 'lost');
    const signal = afterSteps(5, () => {
      doomed.gpu.destroy();
      return false;
    });
    await expect(train(doomed, out, { signal })).rejects.toThrow(
      /The GPU device was lost \(.*\).*goes on from its last checkpoint with --resume/s,
    );
    expect(readdirSync(join(out, 'checkpoints')).sort()).toEqual(['best.safetensors', 'last.safetensors']);
    const { run } = await train(device, out, { mode: 'resume' });
    expect(await leftBy(run)).toEqual(await leftBy(whole.run));
  });
});

describe('a disk that gets full in mid-training', () => {
  it.skipIf(smallDisk === null)('is told with the repair; the last checkpoint is intact and the resumed run exact', async () => {
    const out = join(smallDisk ?? '', 'run');
    let filler = '';
    const signal = afterSteps(4, () => {
      filler = fill(smallDisk ?? '');
      return false;
    });
    await expect(train(device, out, { signal })).rejects.toThrow(
      /could not write it: the disk is full\. Free some space or choose a path on another disk\./,
    );
    expect(readdirSync(join(out, 'checkpoints')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    rmSync(filler);
    const { run } = await train(device, out, { mode: 'resume' });
    expect(await leftBy(run)).toEqual(await leftBy(whole.run));
  });
});

describe('a memory budget', () => {
  it('that is too small names the least, with which the run then works', async () => {
    const out = join(folder, 'budget');
    const refused = await train(device, out, { memoryBudgetBytes: 2 ** 16, stopAt: 1 }).catch((error: unknown) => error);
    const text = (refused as Error).message;
    expect(text).toMatch(/The memory budget of 0\.063 MiB is too small: a training step of 2 patches of 32x32 px needs [\d.]+ MiB\./);
    const less = ['recompute=decoder', ...(device.halfPrecision ? ['precision=f16'] : []), 'batch=1'];
    const proposals = less.map((setting) => String.raw`--set train\.${setting} \([\d.]+ MiB\)`).join(', ');
    expect(text).toMatch(new RegExp(String.raw`take less memory: ${proposals}\.$`));
    expect(existsSync(out)).toBe(false);
    const least = Number(/--memory-budget (\d+)MB or more/.exec(text)?.[1]) * 2 ** 20;
    await train(device, out, { memoryBudgetBytes: least, stopAt: 1 });
  });

  it('that is too small for validation is refused before the first step', async () => {
    const out = join(folder, 'validation budget');
    const config = smallConfig({ validationPatch: 256 });
    await expect(train(device, out, { config, memoryBudgetBytes: 2 ** 20 })).rejects.toThrow(
      /The memory budget of 1\.0 MiB is too small: windows of/,
    );
    expect(existsSync(out)).toBe(false);
  });
});

describe('an existing run', () => {
  it('is refused without --resume and --overwrite', async () => {
    const before = await leftBy(whole.run);
    await expect(train(device, whole.run.root)).rejects.toThrow(
      /this folder is not empty\. Use --resume to go on, --overwrite to start anew, or another --out\./,
    );
    expect(await leftBy(whole.run)).toEqual(before);
  });

  it('is not touched by --overwrite with data that is not there', async () => {
    const before = await leftBy(whole.run);
    await expect(train(device, whole.run.root, { mode: 'overwrite', data: join(folder, 'none') })).rejects.toThrow(
      /none: no such file or folder/,
    );
    expect(await leftBy(whole.run)).toEqual(before);
  });

  it('is replaced by --overwrite', async () => {
    const out = join(folder, 'replaced');
    await train(device, out, { stopAt: 2 });
    const { run } = await train(device, out, { mode: 'overwrite', config: smallConfig({ seed: 8 }), stopAt: 2 });
    expect(readFileSync(run.metrics, 'utf8').trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(readFileSync(run.runInfo, 'utf8'))).toMatchObject({ seed: 8, starts: [{ step: 0 }] });
  });
});

it('data that is not there leaves no folder behind', async () => {
  const out = join(folder, 'no data');
  await expect(train(device, out, { data: join(folder, 'none') })).rejects.toThrow(/no such file or folder/);
  expect(existsSync(out)).toBe(false);
});
