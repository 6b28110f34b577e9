import { describe, expect, it } from 'vitest';
import type { DoctorReport } from '../../src/cli/doctor.js';
import { mcgpu } from '../support/command-process.js';

describe('mcgpu doctor', () => {
  it('reports the adapter, its driver, features and limits, and a canary that computes correctly', async () => {
    const { status, stdout } = await mcgpu(['doctor', '--json']);
    const report = JSON.parse(stdout) as DoctorReport;
    expect(status).toBe(0);
    expect(report.schema).toBe('mcgpu.doctor/1');
    expect(report.adapters.map(({ name }) => name)).toContain(report.adapter?.name);
    expect(report.adapter?.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(128 * 2 ** 20);
    expect(report.adapter?.features).toContain('core-features-and-limits');
    expect(report.canary?.checks.map(({ ok }) => ok)).toEqual([true, true, true]);
  });

  it('says the same to a person', async () => {
    const { stdout } = await mcgpu(['doctor']);
    for (const word of ['in use', 'driver', 'computes', 'conv2d gradient by the weight']) expect(stdout).toContain(word);
  });

  it('takes an adapter by a part of its name and refuses one that is not there', async () => {
    const report = JSON.parse((await mcgpu(['doctor', '--json'])).stdout) as DoctorReport;
    const part = report.adapter?.name.slice(0, 4).toUpperCase() ?? '';
    expect((JSON.parse((await mcgpu(['doctor', '--json', '--adapter', part])).stdout) as DoctorReport).adapter).toEqual(report.adapter);
    const { status, stderr } = await mcgpu(['doctor', '--adapter', 'no-such-adapter']);
    expect(status).toBe(1);
    expect(stderr).toContain(`this machine has "${report.adapter?.name ?? ''}"`);
  });

  it.runIf(process.platform === 'linux')('names the repair where there is no adapter', async () => {
    const none = { VK_ICD_FILENAMES: '/nonexistent.json', VK_DRIVER_FILES: '/nonexistent.json' };
    const { status, stdout } = await mcgpu(['doctor'], none);
    expect(status).toBe(1);
    expect(stdout).toContain('No WebGPU adapter. On Debian and Ubuntu `npm run setup` installs a software Vulkan');
    expect(JSON.parse((await mcgpu(['doctor', '--json'], none)).stdout)).toMatchObject({ adapter: null, canary: null });
  });
});
