// Child process of legs.mjs: prints the adapter that WebGPU gives here, or nothing, and opens a device on it.
import { create } from 'webgpu';

// Dawn aborts when the instance is collected while a device lives.
export const gpu = create([]);
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
if (adapter) {
  const { description, device } = adapter.info;
  const opened = await adapter.requestDevice();
  opened.destroy();
  console.log(description || device);
}
