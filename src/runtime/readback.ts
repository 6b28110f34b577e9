import { GPU_COPY_DST, GPU_MAP_READ, type Device } from './device.js';
import { fromHalves } from './half.js';
import { refusePending, type ChannelBlock, type Tensor } from './tensor.js';

/** Staging buffers that wait for the next reading: more than any step reads at once, few enough that varying sizes do not pile up. */
const MAX_FREE = 16;

/** Staging buffers for reading results, reused: reading the same sizes again creates nothing. */
export class Readback {
  private readonly free: GPUBuffer[] = [];

  constructor(private readonly device: Device) {}

  async read(tensor: Tensor): Promise<Float32Array> {
    refusePending(tensor);
    const copies = tensor.blocks.map((block) => this.copyOut(block.buffer.storage.buffer, block));
    const parts = (await Promise.all(copies.map((staging) => this.take(staging)))).map((bytes) =>
      tensor.element === 'f16' ? fromHalves(new Uint16Array(bytes)) : new Float32Array(bytes),
    );
    const first = tensor.blocks[0];
    if (parts.length === 1 && parts[0] && first?.count === first?.blockChannels) return parts[0].subarray(0, tensor.size);
    return interleave(tensor, parts);
  }

  private copyOut(source: GPUBuffer | undefined, block: ChannelBlock): { buffer: GPUBuffer; sizeBytes: number } {
    if (!source) throw new Error('read: the tensor has no memory; keep it and compile its program first.');
    const { offsetBytes, sizeBytes } = block.buffer;
    const buffer = this.staging(sizeBytes);
    const encoder = this.device.gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(source, offsetBytes, buffer, 0, sizeBytes);
    this.device.gpu.queue.submit([encoder.finish()]);
    return { buffer, sizeBytes };
  }

  private async take({ buffer, sizeBytes }: { buffer: GPUBuffer; sizeBytes: number }): Promise<ArrayBuffer> {
    try {
      await buffer.mapAsync(1 /* GPUMapMode.READ */, 0, sizeBytes);
    } catch (error) {
      this.device.check();
      throw error;
    }
    const data = buffer.getMappedRange(0, sizeBytes).slice(0);
    buffer.unmap();
    this.release(buffer);
    return data;
  }

  /** Keeps the buffer for the next reading; of too many the one unused for longest goes. */
  private release(buffer: GPUBuffer): void {
    this.free.push(buffer);
    const oldest = this.free.length > MAX_FREE ? this.free.shift() : undefined;
    if (oldest) this.device.destroyBuffer(oldest);
  }

  /** The smallest free staging buffer that fits and is not more than twice too large. */
  private staging(sizeBytes: number): GPUBuffer {
    const fits = this.free.filter((b) => b.size >= sizeBytes && b.size <= Math.max(4096, 2 * sizeBytes)).sort((a, b) => a.size - b.size);
    const reuse = fits[0];
    if (!reuse) return this.device.createBuffer('staging', sizeBytes, GPU_MAP_READ | GPU_COPY_DST);
    this.free.splice(this.free.indexOf(reuse), 1);
    return reuse;
  }

  destroy(): void {
    this.free.length = 0;
  }
}

/** Puts the channel blocks of an NCHW tensor back into row-major order. */
function interleave(tensor: Tensor, parts: readonly Float32Array[]): Float32Array {
  const [n = 1, channels = 1, h = 1, w = 1] = tensor.shape;
  const plane = h * w;
  const out = new Float32Array(tensor.size);
  let first = 0;
  for (const [i, block] of tensor.blocks.entries()) {
    for (let image = 0; image < n; image++) {
      const from = (image * block.blockChannels + block.offset) * plane;
      out.set(parts[i]?.subarray(from, from + block.count * plane) ?? [], (image * channels + first) * plane);
    }
    first += block.count;
  }
  return out;
}
