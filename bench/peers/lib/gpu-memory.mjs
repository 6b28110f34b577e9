// Counts the bytes of live GPU buffers of any engine that runs on the WebGPU of this process.

/**
 * Patches `createBuffer` and `destroy`. A buffer counts from its creation until it is destroyed or collected as garbage.
 * @param {{ GPUDevice: { prototype: object }, GPUBuffer: { prototype: object } }} classes
 */
export function countBuffers(classes) {
  const device = /** @type {{ createBuffer: (descriptor: { size: number }) => object }} */ (classes.GPUDevice.prototype);
  const buffer = /** @type {{ destroy: () => void }} */ (classes.GPUBuffer.prototype);
  const { createBuffer } = device;
  const { destroy } = buffer;
  const count = { live: 0, peak: 0 };
  /** @type {WeakMap<object, { bytes: number }>} */
  const entries = new WeakMap();
  /** @param {{ bytes: number }} entry */
  const release = (entry) => {
    count.live -= entry.bytes;
    entry.bytes = 0;
  };
  const collected = new FinalizationRegistry(release);
  device.createBuffer = function (descriptor) {
    const made = createBuffer.call(this, descriptor);
    const entry = { bytes: Number(descriptor.size) };
    entries.set(made, entry);
    collected.register(made, entry);
    count.live += entry.bytes;
    count.peak = Math.max(count.peak, count.live);
    return made;
  };
  buffer.destroy = function () {
    const entry = entries.get(this);
    if (entry) release(entry);
    destroy.call(this);
  };
  return count;
}
