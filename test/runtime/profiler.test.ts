import { describe, expect, it, vi } from 'vitest';
import { relu } from '../../src/kernels/relu.js';
import { sigmoid } from '../../src/kernels/sigmoid.js';
import type { Device } from '../../src/runtime/device.js';
import { profileProgram, type Profile } from '../../src/runtime/profiler.js';
import { Recorder } from '../../src/runtime/recorder.js';
import { testDevice } from '../support/gpu.js';

const precise = await testDevice({ preciseTimestamps: true });
const rounded = await testDevice();

/** Three runs of relu, then sigmoid; also checks that a profiled run computes what a plain one does. */
async function profile(device: Device): Promise<Profile> {
  const x = device.tensor('NCHW', [1, 4, 64, 64], new Float32Array(4 * 64 * 64).fill(-1));
  const recorder = new Recorder(device);
  const [positive, y] = [recorder.empty('NCHW', x.shape), recorder.empty('NCHW', x.shape)];
  relu(recorder, x, positive);
  sigmoid(recorder, positive, y);
  recorder.keep(y);
  const program = await recorder.compile();
  const before = device.allocatedBytes;
  const result = await profileProgram(device, program, 3);
  expect(device.allocatedBytes).toBe(before);
  expect((await device.read(y)).every((v) => v === 0.5)).toBe(true);
  program.destroy();
  return result;
}

describe.runIf(precise.gpu.features.has('timestamp-query'))('with timestamps', () => {
  it('every dispatch of every run has its time', async () => {
    const { names, runs, note } = await profile(precise);
    expect(names).toEqual(['relu', 'sigmoid']);
    expect(runs).toHaveLength(3);
    for (const times of runs) for (const ns of times) expect(ns).toBeGreaterThan(0);
    expect(note).toBeNull();
  });

  it('rounded ones are told apart', async () => {
    expect((await profile(rounded)).note).toContain('rounded');
  });
});

it('without timestamps dispatches are timed one by one, and a note says so', async () => {
  const features = vi.spyOn(precise.gpu, 'features', 'get').mockReturnValue(new Set() as unknown as GPUSupportedFeatures);
  const { names, runs, note } = await profile(precise);
  features.mockRestore();
  expect(names).toEqual(['relu', 'sigmoid']);
  for (const times of runs) for (const ns of times) expect(ns).toBeGreaterThan(0);
  expect(note).toContain('no timestamp-query');
});
