import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { candidatesHere } from '../../src/kernels/tunable.js';
import { tuningOrigin, TUNABLES } from '../../src/kernels/tune.js';
import { exportTuning, Tuning, type NamedTuning } from '../../src/runtime/tuning.js';
import { readCheckpoint, writeCheckpoint } from '../../src/train/checkpoint.node.js';
import type { RunDirectory } from '../../src/train/run-directory.node.js';
import { setTuning } from '../../src/train/trainer-checkpoint.js';
import { testDevice } from '../support/gpu.js';
import { leftBy, temporaryFolder, train } from './small-run.js';

const device = await testDevice();
const folder = temporaryFolder();

/** The last candidate of everything that a small run asks for: sums in other orders than the usual ones. */
async function unusualTable(): Promise<NamedTuning> {
  device.tuning = new Tuning();
  await train(device, join(folder, 'asking'), { stopAt: 1 });
  const choices = [...device.tuning.asked].map(([key, { op, shape }]): [string, string] => {
    const names = TUNABLES.filter((t) => t.op === op).flatMap((t) => candidatesHere(device, t, shape));
    return [key, names.at(-1)!];
  });
  return { stored: exportTuning(new Tuning(new Map(choices)), await tuningOrigin(device)), name: 'unusual.json' };
}

let table: NamedTuning;
let tuned: RunDirectory;
beforeAll(async () => {
  table = await unusualTable();
  tuned = (await train(device, join(folder, 'tuned'), { tuning: table })).run;
});

describe('a run with a tuning table', () => {
  it('computes other bits than one without, or the tests below would show nothing', async () => {
    device.tuning = new Tuning();
    const { run } = await train(device, join(folder, 'untuned'));
    expect((await readCheckpoint(run.last)).model).not.toEqual((await readCheckpoint(tuned.last)).model);
  });

  it('resumes bit for bit without being given the table again: its checkpoints hold it', async () => {
    const out = join(folder, 'stopped');
    await train(device, out, { tuning: table, stopAt: 7 });
    device.tuning = new Tuning(); // as in a new process
    const { run } = await train(device, out, { mode: 'resume' });
    expect(await leftBy(run)).toEqual(await leftBy(tuned));
  });

  it('says so in run.json and on the model card', async () => {
    const { starts } = JSON.parse(readFileSync(tuned.runInfo, 'utf8')) as { starts: { tuning: string }[] };
    expect(starts[0]?.tuning).toMatch(/^[0-9a-f]{16} \(\d+ choices\)$/);
    expect((await leftBy(tuned)).model.info.card).toContain(`kernels tuned: table ${starts[0]?.tuning}.`);
  });
});

describe('a resumed run', () => {
  it('prefers the table of its checkpoint to one that is given, and says so', async () => {
    const given = { ...table, stored: { ...table.stored, choices: {} } };
    expect(await setTuning(device, await readCheckpoint(tuned.last), given)).toEqual([
      'unusual.json is not used: the run goes on with the tuning table of its checkpoint, to be the same bit for bit.',
    ]);
    expect(Object.fromEntries(device.tuning.choices)).toEqual(table.stored.choices);
  });

  it('that began without a table goes on without one, and says so', async () => {
    const checkpoint = await readCheckpoint(tuned.last);
    const untuned = { ...checkpoint, state: { ...checkpoint.state, tuning: {} } };
    expect(await setTuning(device, untuned, table)).toEqual([
      'unusual.json is not used: the run goes on with no tuning table, as it began, to be the same bit for bit.',
    ]);
    expect(device.tuning.choices.size).toBe(0);
  });

  it('on other kernels goes on without the table, and says why', async () => {
    const checkpoint = await readCheckpoint(tuned.last);
    const moved = join(folder, 'moved.safetensors');
    await writeCheckpoint(moved, { ...checkpoint, state: { ...checkpoint.state, tuning: { ...table.stored, wgsl: 'other' } } });
    const [line, ...more] = await setTuning(device, await readCheckpoint(moved), undefined);
    expect(line).toMatch(/tuning table of the checkpoint is ignored: .*"other"/);
    expect(more).toEqual([]);
    expect(device.tuning.choices.size).toBe(0);
  });
});
