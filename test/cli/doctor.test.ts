import { describe, expect, it } from 'vitest';
import { advise, mesaMajor } from '../../src/cli/doctor-advice.js';
import type { CanaryResult } from '../../src/autograd/canary.js';
import type { AdapterReport } from '../../src/cli/doctor.js';

const gpu: AdapterReport = {
  name: 'Radeon',
  driver: 'radv: Mesa 25.1.0',
  backend: 'vulkan',
  vendor: 'amd',
  architecture: 'rdna-3',
  isFallbackAdapter: false,
  features: ['shader-f16', 'timestamp-query'],
  limits: {},
};
const texts = (adapter: AdapterReport | null, others: string[] = [], canary: CanaryResult | null = null): string =>
  advise(
    adapter,
    others.map((name) => ({ name, backend: 'vulkan' })),
    canary,
  )
    .map(({ level, text }) => `${level}: ${text}`)
    .join('\n');

describe("doctor's advice", () => {
  it('has nothing to say against a GPU with everything', () => {
    expect(texts(gpu)).toMatch(/^good: [^\n]*$/);
  });
  it('names a missing adapter as the problem, with the repair', () => {
    expect(texts(null)).toMatch(/^problem: No WebGPU adapter.*npm run setup/);
  });
  it('says that a software adapter is slow, and offers the GPU that is there too', () => {
    const software = { ...gpu, name: 'llvmpipe', isFallbackAdapter: true };
    expect(texts(software)).toContain('software adapter');
    expect(texts(software)).not.toContain('--adapter');
    expect(texts(software, ['llvmpipe', 'Radeon'])).toContain('--adapter "Radeon"');
  });
  it('warns of a driver that miscomputes', () => {
    const checks = [
      { name: 'conv2d forward', worst: 0, tolerance: 1e-6, ok: true },
      { name: 'conv2d gradient by the input', worst: 1, tolerance: 1e-6, ok: false },
    ];
    expect(texts(gpu, [], { ok: false, checks })).toMatch(/^problem: This driver computes conv2d gradient by the input wrongly/);
    expect(texts(gpu, [], { ok: true, checks: checks.slice(0, 1) })).toMatch(/^good/);
  });
  it('says what an adapter lacks', () => {
    expect(texts({ ...gpu, features: [] })).toMatch(/No shader-f16.*\n.*No timestamp-query/);
  });
  it('finds an old Mesa in the description of the driver', () => {
    expect(mesaMajor('llvmpipe: Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6) 0.0.1')).toBe(25);
    expect(mesaMajor('SwiftShader driver 5.0.0')).toBeUndefined();
    expect(texts({ ...gpu, driver: 'llvmpipe: Mesa 23.1.0' })).toContain('Mesa 23 is older than');
  });
});
