import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { BatchLoader, siblingModule, type LoaderOptions } from '../../src/train/loader.node.js';

const module = new URL('./fixtures/fills.ts', import.meta.url);
const LENGTH = 1000;

let loader: BatchLoader;
afterEach(async () => {
  await loader.close();
});
const start = (setup: object, options: Partial<LoaderOptions> = {}): BatchLoader =>
  (loader = new BatchLoader({ module, setup: { seed: 1, ...setup }, length: LENGTH, workers: 2, ...options }));
const take = async (count: number): Promise<number[][]> => {
  const batches: number[][] = [];
  for (let i = 0; i < count; i++) batches.push(Array.from((await loader.next()).data));
  return batches;
};

describe('BatchLoader', () => {
  it('gives batches in the order of their index, though odd ones are drawn faster', async () => {
    start({ workMs: 20 }, { ahead: 6 });
    const seen: unknown[] = [];
    for (let i = 0; i < 12; i++) {
      const { index, details } = await loader.next();
      seen.push([index, (details as { index: number }).index]);
    }
    expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => [i, i]));
  });

  it('gives the same numbers with one worker as with three, and from the middle as from the start', async () => {
    start({}, { workers: 1 });
    const one = await take(9);
    await loader.close();
    start({}, { workers: 3, ahead: 7 });
    expect(await take(9)).toEqual(one);
    await loader.close();
    start({}, { first: 5 });
    expect(await take(4)).toEqual(one.slice(5));
  });

  it('hands out memory of zeros each time, though it is used again', async () => {
    start({}, { ahead: 1, workers: 1 });
    const last: (number | undefined)[] = [];
    for (let i = 0; i < 5; i++) {
      const { data } = await loader.next();
      last.push(data.at(-1));
      data.fill(9);
    }
    expect(last).toEqual([0, 0, 0, 0, 0]);
  });

  it('runs ahead by a bounded number of batches and no more', async () => {
    const shared = new Int32Array(new SharedArrayBuffer(4));
    start({ shared }, { ahead: 3 });
    const reaches = async (count: number): Promise<void> => {
      await expect.poll(() => shared[0], { timeout: 4000 }).toBe(count);
      await sleep(50); // time to go beyond
      expect(shared[0]).toBe(count);
    };
    await loader.next();
    await reaches(3); // the one that is out, and two ready
    await loader.next();
    await loader.next();
    await reaches(5);
  });

  it('uses all its threads', async () => {
    start({ workMs: 5 }, { workers: 2 });
    const threads = new Set<unknown>();
    for (let i = 0; i < 20; i++) threads.add(((await loader.next()).details as { threadId: number }).threadId);
    expect(threads.size).toBe(2);
  });

  it('measures waiting: most of the time when data is slow, little when the consumer is', async () => {
    start({ workMs: 20 }, { workers: 1 });
    await take(10);
    expect(loader.waits().share).toBeGreaterThan(0.5);
    await loader.close();
    start({}, { workers: 1 });
    for (let i = 0; i < 10; i++) {
      await loader.next();
      await sleep(50);
    }
    const { startMs, share } = loader.waits();
    expect(startMs).toBeGreaterThan(0);
    expect(share).toBeLessThan(0.5);
  });

  it.each([
    ['user', UserError, 'bad background. Remove it.'],
    ['bug', Error, 'x is undefined'],
  ])('tells a worker’s error (%s) in its own words, at its place in the order', async (fail, kind, message) => {
    start({ fail });
    expect(await take(3)).toHaveLength(3);
    const failed = await loader.next().catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(kind);
    expect(failed instanceof UserError).toBe(fail === 'user');
    expect(failed).toMatchObject({ message });
    expect((failed as Error).stack).toContain('fills.ts');
  });

  it('tells an error at the start of a worker, and a worker that ends', async () => {
    start({ fail: 'start' });
    await expect(loader.next()).rejects.toThrow('no backgrounds found. Give a folder with images.');
    await expect(loader.next()).rejects.toBeInstanceOf(UserError);
    await loader.close();
    start({ fail: 'exit' }, { workers: 1 });
    await expect(take(5)).rejects.toThrow('A worker thread ended by itself (exit code 7).');
  });

  it('tells a module that does not exist', async () => {
    start({}, { module: new URL('./fixtures/none.ts', import.meta.url) });
    await expect(loader.next()).rejects.toThrow(/none\.ts/);
  });

  it('closed, rejects whoever waits and whoever asks', async () => {
    start({ workMs: 500 });
    const waiting = loader.next();
    const rejected = expect(waiting).rejects.toThrow('the loader is closed');
    await loader.close();
    await rejected;
    await expect(loader.next()).rejects.toThrow('the loader is closed');
  });

  it('refuses a second question before the first is answered', async () => {
    start({ workMs: 100 });
    const first = loader.next();
    await expect(loader.next()).rejects.toThrow(/before the batch before had arrived/);
    expect((await first).index).toBe(0);
  });

  it('lets the process end once closed, and works under tsx as well', () => {
    const script = `import { BatchLoader } from ${JSON.stringify(new URL('../../src/train/loader.node.ts', import.meta.url).href)};
      const loader = new BatchLoader({ module: new URL(${JSON.stringify(module.href)}), setup: { seed: 1 }, length: 4, workers: 2 });
      console.log((await loader.next()).index, (await loader.next()).index);
      await loader.close();`;
    const tsx = fileURLToPath(new URL('../../node_modules/tsx/dist/cli.mjs', import.meta.url));
    const printed = execFileSync(process.execPath, [tsx, '--input-type=module', '--eval', script], { encoding: 'utf8', timeout: 20_000 });
    expect(printed).toBe('0 1\n');
    loader = start({});
  });
});

describe('siblingModule', () => {
  it('has the ending of the caller', () => {
    expect(siblingModule('./b.node', 'file:///p/src/a.node.ts').href).toBe('file:///p/src/b.node.ts');
    expect(siblingModule('./b.node', 'file:///p/dist/a.node.js').href).toBe('file:///p/dist/b.node.js');
  });
});
