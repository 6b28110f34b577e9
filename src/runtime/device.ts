import { UserError } from '../errors.js';
import { PipelineCache } from './pipelines.js';
import { Readback } from './readback.js';
import { toHalves } from './half.js';
import { bytesOf, Storage, wholeStorage, type ElementType } from './storage.js';
import { elementsIn, tensorIn, type Tensor } from './tensor.js';
import { Tuning } from './tuning.js';

export interface DeviceOptions {
  /** Smaller limit for one binding than the adapter's, in bytes: splits feature maps earlier (tests use it). */
  readonly maxBindingBytes?: number;
  /** Refuses to allocate more than this on the GPU, in bytes. */
  readonly memoryBudgetBytes?: number;
  /** Runs only kernels that every WebGPU has, though the adapter offers more: to compare with, and where a driver miscomputes. */
  readonly portable?: boolean;
}

export interface AdapterSummary {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly isFallbackAdapter: boolean;
  /** Fewest and most invocations of a subgroup; 0 where there are none. */
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
}

/** An open WebGPU device: what it can hold, what it holds, and the errors it reported since the last await. */
export class Device {
  readonly pipelines: PipelineCache;
  readonly readback: Readback;
  /** Which of its candidates an op runs; applies to what is recorded from then on. */
  tuning = new Tuning();
  /** Bytes of all live GPU buffers, and how many buffers were ever created. */
  allocatedBytes = 0;
  /** Most that `allocatedBytes` ever was; may be set back to it. */
  peakBytes = 0;
  createdBuffers = 0;
  private failure: Error | undefined;
  private readonly buffers = new Set<GPUBuffer>();
  private destroyed = false;

  constructor(
    readonly gpu: GPUDevice,
    readonly adapter: AdapterSummary,
    readonly options: DeviceOptions = {},
  ) {
    this.pipelines = new PipelineCache(gpu);
    this.readback = new Readback(this);
    gpu.addEventListener('uncapturederror', (event) => {
      this.failure ??= new Error(`WebGPU: ${event.error.message}`);
    });
    void gpu.lost.then((info) => {
      if (this.destroyed) return;
      this.failure = new UserError(
        `The GPU device was lost (${info.reason}: ${info.message}); expected it to stay until the end. ` +
          `Run again (a training goes on from its last checkpoint with --resume), with a smaller batch, patch or tile if memory ran out.`,
      );
    });
  }

  /** Largest range that one storage binding may cover, in bytes. */
  get maxBindingBytes(): number {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.gpu.limits;
    return Math.min(maxStorageBufferBindingSize, maxBufferSize, this.options.maxBindingBytes ?? Infinity);
  }

  /** Kernels that pass values round within a subgroup may run: 8 invocations and more work side by side. */
  get subgroups(): boolean {
    return this.gpu.features.has('subgroups') && this.adapter.subgroupMinSize >= 8;
  }

  /** What people call the adapter: the driver's description, or vendor and device. */
  get adapterName(): string {
    const { vendor, description, device } = this.adapter;
    return description || `${vendor} ${device}`.trim();
  }

  /** Feature maps may be stored in half precision. */
  get halfPrecision(): boolean {
    return this.gpu.features.has('shader-f16');
  }

  /** @throws UserError where they may not */
  requireHalfPrecision(): void {
    if (this.halfPrecision) return;
    const why = this.options.portable ? 'was opened with portable kernels alone' : 'has no shader-f16';
    throw new UserError(
      `Precision f16 was asked for, but the adapter ${this.adapterName} ${why}. Use f32, or choose another adapter with --adapter.`,
    );
  }

  /** Throws the first error that the device reported asynchronously. */
  check(): void {
    if (this.failure) throw this.failure;
  }

  /** Waits until everything submitted so far has run; throws what went wrong. */
  async idle(): Promise<void> {
    this.check();
    await this.gpu.queue.onSubmittedWorkDone();
    this.check();
  }

  createBuffer(label: string, sizeBytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const size = Math.max(16, Math.ceil(sizeBytes / 16) * 16);
    const budget = this.options.memoryBudgetBytes ?? Infinity;
    if (this.allocatedBytes + size > budget) {
      throw new UserError(
        `${label}: ${mebibytes(size)} on top of ${mebibytes(this.allocatedBytes)} exceed the memory budget of ${mebibytes(budget)}; ` +
          `raise the budget to at least ${mebibytes(this.allocatedBytes + size)} or use a smaller batch, patch or tile.`,
      );
    }
    if (size > this.gpu.limits.maxBufferSize) {
      throw new UserError(
        `${label}: a buffer of ${mebibytes(size)} exceeds this adapter's limit of ${mebibytes(this.gpu.limits.maxBufferSize)}; use a smaller batch, patch or tile.`,
      );
    }
    const buffer = this.gpu.createBuffer({ label, size, usage });
    this.buffers.add(buffer);
    this.allocatedBytes += buffer.size;
    this.peakBytes = Math.max(this.peakBytes, this.allocatedBytes);
    this.createdBuffers++;
    return buffer;
  }

  destroyBuffer(buffer: GPUBuffer): void {
    if (!this.buffers.delete(buffer)) return;
    this.allocatedBytes -= buffer.size;
    buffer.destroy();
  }

  /** A storage that lives until the device is destroyed or `destroyBuffer` is called on its buffer. */
  persistentStorage(label: string, sizeBytes: number, element: ElementType = 'f32'): Storage {
    const usage = GPU_STORAGE | GPU_COPY_SRC | GPU_COPY_DST;
    return new Storage(label, sizeBytes, this.createBuffer(label, sizeBytes, usage), true, element);
  }

  /** A persistent tensor of zeros (or of `data`), in one buffer. */
  tensor<A extends string>(
    axes: A,
    shape: readonly number[],
    data?: ArrayLike<number>,
    label = 'input',
    element: ElementType = 'f32',
  ): Tensor<A> {
    const storage = this.persistentStorage(label, bytesOf(elementsIn(shape), element), element);
    const tensor = tensorIn(wholeStorage(storage), axes, shape, label);
    if (data) this.write(tensor, data);
    return tensor;
  }

  /** Uploads floats, rounded to the tensor's type, into a tensor that lies in one persistent buffer. */
  write(tensor: Tensor, data: ArrayLike<number>): void {
    if (data.length !== tensor.size)
      throw new RangeError(`write: ${tensor.toString()} holds ${tensor.size} numbers, ${data.length} were given.`);
    const floats = data instanceof Float32Array ? data : Float32Array.from(data);
    this.writeBytes(tensor, tensor.element === 'f16' ? toHalves(floats) : floats);
  }

  writeBytes(tensor: Tensor, data: Float32Array | Uint32Array | Uint16Array): void {
    const { storage, offsetBytes } = tensor.buffer;
    if (!storage.buffer) throw new Error(`write: ${tensor.toString()} has no memory yet; compile its program first.`);
    this.gpu.queue.writeBuffer(storage.buffer, offsetBytes, data.buffer, data.byteOffset, data.byteLength);
  }

  /** The numbers of a tensor, in row-major order of its axes. */
  async read(tensor: Tensor): Promise<Float32Array> {
    this.check();
    const result = await this.readback.read(tensor);
    this.check();
    return result;
  }

  destroy(): void {
    this.destroyed = true;
    this.readback.destroy();
    for (const buffer of this.buffers) buffer.destroy();
    this.buffers.clear();
    this.allocatedBytes = 0;
    this.gpu.destroy();
  }
}

/** GPUBufferUsage and GPUMapMode as numbers: Dawn in Node has no such globals. */
export const GPU_MAP_READ = 0x01;
export const GPU_COPY_SRC = 0x04;
export const GPU_COPY_DST = 0x08;
export const GPU_UNIFORM = 0x40;
export const GPU_STORAGE = 0x80;

export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 20 ? 3 : 1)} MiB`;
}

/** What faster kernels and the profiler use where the adapter has it; for each kernel there is one that needs none of them. */
const OPTIONAL_FEATURES = ['timestamp-query', 'subgroups', 'shader-f16'] as const;

/** Opens a device on the platform's WebGPU with the adapter's own limits for sizes; everything else stays portable. */
export async function openDevice(gpu: GPU, options: DeviceOptions & { powerPreference?: GPUPowerPreference } = {}): Promise<Device> {
  const adapter = await gpu.requestAdapter({ powerPreference: options.powerPreference ?? 'high-performance' });
  if (!adapter) {
    throw new UserError(
      'No WebGPU adapter was found; expected a Vulkan, Metal or D3D12 driver. ' +
        'On Linux without a GPU install a software Vulkan: `npm run setup` does it, or run `apt-get install mesa-vulkan-drivers` (Debian 12: from bookworm-backports).',
    );
  }
  const { limits } = adapter;
  const device = await adapter.requestDevice({
    requiredFeatures: OPTIONAL_FEATURES.filter((f) => adapter.features.has(f) && !(options.portable && f !== 'timestamp-query')),
    requiredLimits: {
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxBufferSize: limits.maxBufferSize,
    },
  });
  const info = adapter.info;
  const summary: AdapterSummary = {
    vendor: info.vendor,
    architecture: info.architecture,
    device: info.device,
    description: info.description,
    isFallbackAdapter: info.isFallbackAdapter,
    // Deno tells no size.
    subgroupMinSize: (info as Partial<GPUAdapterInfo>).subgroupMinSize ?? 0,
    subgroupMaxSize: (info as Partial<GPUAdapterInfo>).subgroupMaxSize ?? 0,
  };
  return new Device(device, summary, options);
}
