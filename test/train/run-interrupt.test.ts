import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { configYaml } from '../../src/train/config.js';
import { readCheckpoint } from '../../src/train/checkpoint.node.js';
import { testDevice } from '../support/gpu.js';
import { smallConfig, temporaryFolder, train } from './small-run.js';

const device = await testDevice();
const folder = temporaryFolder();
const main = new URL('../../src/cli/main.ts', import.meta.url).href;

/** `mcgpu` with these arguments in a process of its own; `act` is called with it once. */
async function mcgpu(
  args: readonly string[],
  act: (interrupt: () => void) => Promise<void>,
): Promise<{ code: number | null; text: string }> {
  const script = `const { run } = await import(${JSON.stringify(main)}); process.exitCode = await run(process.argv.slice(1));`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script, '--', ...args]);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (text += part.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  await act(() => child.kill('SIGINT'));
  return { code: await ended, text };
}

// Windows has no signals to send to another process.
it.skipIf(process.platform === 'win32')('Ctrl-C writes a checkpoint and says how to go on, and the run goes on from it', async () => {
  const out = join(folder, 'run');
  const configFile = join(folder, 'config.yaml');
  const config = smallConfig({ steps: 1000, validateEvery: 1000, checkpointEvery: 1000 });
  writeFileSync(configFile, configYaml(config));
  const metrics = join(out, 'metrics.ndjson');
  const { code, text } = await mcgpu(['train', '--data', 'phantom', '--out', out, '--config', configFile], async (interrupt) => {
    await expect.poll(() => existsSync(metrics) && readFileSync(metrics, 'utf8').includes('"step":2,'), { timeout: 90_000 }).toBe(true);
    interrupt();
  });
  expect(code, text).toBe(0);
  expect(text).toMatch(/stopped at step \d+; the checkpoint is written\. Go on with the same command and --resume\./);
  const { step } = (await readCheckpoint(join(out, 'checkpoints', 'last.safetensors'))).state;
  expect(step).toBe(Number(/stopped at step (\d+)/.exec(text)?.[1]));
  const { steps } = await train(device, out, { config, mode: 'resume', stopAt: step + 1 });
  expect(steps).toBe(step + 1);
});
