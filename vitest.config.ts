import { defineConfig } from 'vitest/config';
import { findLeg, probeAdapter } from './scripts/legs.mjs';

// Rooms whose tests open a GPU device at the top of the file.
const GPU_ROOMS = ['runtime', 'kernels', 'autograd', 'model', 'train', 'golden', 'detect-gpu'];
const gpuTests = [...GPU_ROOMS.map((room) => `test/${room}/**/*.test.ts`), 'test/**/*.gpu.test.ts'];
// The second, stricter driver is 5-15 times slower: every operation, forward and backward, and no whole models.
const opTests = ['test/kernels/**/*.test.ts', 'test/autograd/**/*.test.ts'];

const lavapipe = findLeg.lavapipe();
const swiftShader = findLeg.swiftshader();
const adapterFound = 'name' in probeAdapter(lavapipe);

/** One process for all files: software adapters use every core, and compiled pipelines and the driver are loaded once. */
const oneProcess = { pool: 'forks', isolate: false, fileParallelism: false, testTimeout: 120_000, hookTimeout: 120_000 } as const;

/** Runs a project's tests on one Vulkan driver, or on the system's choice where there is no such file. */
function on(name: string, icd: string | undefined): { env: Record<string, string>; setupFiles: string[] } {
  const env = icd === undefined ? {} : { VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd, MCGPU_TEST_DRIVER: name };
  return { env, setupFiles: ['test/setup/driver.ts'] };
}

const gpu = { name: 'gpu', include: gpuTests, ...oneProcess, ...on('llvmpipe', lavapipe), sequence: { groupOrder: 2 } };
const swiftshader = {
  name: 'swiftshader',
  include: opTests,
  ...oneProcess,
  ...on('SwiftShader', swiftShader),
  sequence: { groupOrder: 3 },
};
const cpu = {
  name: 'cpu',
  include: ['test/**/*.test.ts'],
  exclude: [...gpuTests, 'test/legs/**'],
  testTimeout: 60_000,
  sequence: { groupOrder: 1 },
};
const legs = { name: 'legs', include: ['test/legs/*.test.ts'], ...oneProcess, sequence: { groupOrder: 4 } };

const projects = [cpu, ...(adapterFound ? [gpu] : []), ...(swiftShader === undefined ? [] : [swiftshader]), legs];

export default defineConfig({
  test: {
    globalSetup: 'test/setup/shaders.ts',
    projects: projects.map((test) => ({ extends: true as const, test })),
  },
});
