import { create } from 'webgpu';

// VK_ICD_FILENAMES chooses the driver, and a driver that is not there is silently replaced by none or another one.
const wanted = process.env.MCGPU_TEST_DRIVER;
if (wanted) {
  const gpu = create([]);
  const adapter = await gpu.requestAdapter();
  const found = adapter?.info.description ?? 'no adapter';
  if (!found.includes(wanted)) throw new Error(`These tests are to run on ${wanted}; the adapter is "${found}".`);
}
