// Opens Dawn as src/runtime/gpu.node.ts does, for engines that expect a browser: `navigator.gpu` and the WebGPU classes and constants as
// globals. Only a peer's own process is changed that way.
import { create, globals } from 'webgpu';
import { countBuffers } from './gpu-memory.mjs';

/** Dawn aborts the process when the object from `create` is collected while devices live. */
export const dawnInstances = [];

/** @param {string | undefined} adapterName part of the adapter's name */
export function openDawn(adapterName) {
  Object.assign(globalThis, globals);
  const gpu = create(adapterName ? [`adapter=${adapterName}`] : []);
  dawnInstances.push(gpu);
  const navigator = { gpu, userAgent: `Node.js/${process.versions.node}`, hardwareConcurrency: 1 };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  const memory = countBuffers(globals);
  const errors = collectErrors(globals.GPUAdapter.prototype);
  return {
    gpuBytesPeak: () => memory.peak,
    /** Engines that do not listen would go on with zeros after a validation error. */
    checkErrors: () => {
      const [first] = errors.splice(0);
      if (first !== undefined) throw new Error(first);
    },
  };
}

function collectErrors(adapter) {
  const errors = [];
  const { requestDevice } = adapter;
  adapter.requestDevice = async function (descriptor) {
    const device = await requestDevice.call(this, descriptor);
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault(); // Dawn would write it to stdout, between the protocol's lines.
      errors.push(event.error.message.trim());
    });
    return device;
  };
  return errors;
}

/** Name of the adapter that engines get; they do not all hand theirs out. */
export async function adapterName() {
  const adapter = await globalThis.navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('No WebGPU adapter found.');
  return adapter.info.description || adapter.info.device;
}
