import type { CanaryResult } from '../autograd/canary.js';
import type { NamedAdapter } from './adapter-option.js';
import type { AdapterReport } from './doctor.js';

export interface Advice {
  readonly level: 'good' | 'slow' | 'problem';
  readonly text: string;
}

/** Major version of Mesa in a driver description such as `llvmpipe: Mesa 25.0.7 (LLVM 15.0.6)`. */
export function mesaMajor(driver: string): number | undefined {
  const digits = driver.match(/Mesa (\d+)\./)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Mesa's first version that was tested with Dawn here; 22 lacks what Dawn asks of Vulkan. */
const MESA_TESTED = 25;

/** What a person should know about the adapter: what is missing, what is slow, and what to do about it. */
export function advise(adapter: AdapterReport | null, adapters: readonly NamedAdapter[], canary: CanaryResult | null): Advice[] {
  if (!adapter) {
    const text =
      'No WebGPU adapter. On Debian and Ubuntu `npm run setup` installs a software Vulkan (Mesa); elsewhere install the driver of your GPU.';
    return [{ level: 'problem', text }];
  }
  const advice: Advice[] = [];
  if (canary?.ok === false) {
    const wrong = canary.checks.filter(({ ok }) => !ok).map(({ name }) => name);
    const text = `This driver computes ${wrong.join(', ')} wrongly: update it, or choose another adapter with --adapter. Trust no result of this one.`;
    advice.push({ level: 'problem', text });
  }
  const slow = (text: string): void => void advice.push({ level: 'slow', text });
  if (adapter.isFallbackAdapter) {
    slow('This is a software adapter: it runs on the processor, correct and slow. For speed, run on a machine with a GPU driver.');
    const other = adapters.find(({ name }) => name !== adapter.name && !/llvmpipe|swiftshader|basic render/i.test(name));
    if (other) slow(`Another adapter is there: try --adapter "${other.name}".`);
  }
  const mesa = mesaMajor(adapter.driver);
  if (mesa !== undefined && mesa < MESA_TESTED)
    slow(`Mesa ${mesa} is older than ${MESA_TESTED}, the oldest tested: update mesa-vulkan-drivers.`);
  if (!adapter.features.includes('shader-f16')) slow('No shader-f16: feature maps are stored in 32 bits, twice the memory of 16.');
  if (!adapter.features.includes('timestamp-query'))
    slow('No timestamp-query: `mcgpu bench` times kernels by the clock, waiting included.');
  if (advice.length === 0) advice.push({ level: 'good', text: 'A GPU with all that mcgpu uses.' });
  return advice;
}
