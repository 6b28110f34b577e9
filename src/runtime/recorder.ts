import { UserError } from '../errors.js';
import { mebibytes, type Device } from './device.js';
import { placed, type InPlace } from './in-place.js';
import type { MemoryPlan } from './memory-plan.js';
import { compileProgram, planProgram, type CompileOptions, type Program } from './program.js';
import { shaderFor, type Access, type Shader } from './shader.js';
import { bytesOf, Storage, wholeStorage, type BufferRef, type ElementType } from './storage.js';
import { elementsIn, Tensor, tensorIn, type ChannelBlock } from './tensor.js';

/** Number of workgroups along x, y and z. */
export type Grid = readonly [x: number, y: number, z: number];

export interface Dispatch {
  /** The variant for the maps that are bound. */
  readonly shader: Shader;
  readonly buffers: Readonly<Record<string, BufferRef>>;
  readonly params: Readonly<Record<string, number>>;
  readonly overrides: Readonly<Record<string, number>>;
  readonly grid: Grid;
  readonly inPlace?: InPlace | undefined;
}

interface DispatchArguments<B extends Record<string, Access>, P extends string, O extends string> {
  readonly buffers: Readonly<Record<keyof B, BufferRef>>;
  readonly params: Readonly<Record<P, number>>;
  readonly overrides?: Readonly<Partial<Record<O, number>>>;
  readonly grid: Grid;
  readonly inPlace?:
    (InPlace & { readonly operand: keyof B; readonly result: keyof B; readonly idle: keyof B; readonly override: O }) | undefined;
}

/** Along one dimension of a grid: WebGPU's default limit. */
export const MAX_WORKGROUPS = 65535;

/**
 * The list of dispatches of one program (a training step, an evaluation). Nothing runs while recording: shapes are static, so
 * the list is made once, its memory planned, and then replayed.
 */
export class Recorder {
  /** How NCHW tensors are stored. */
  readonly maps: ElementType;
  private readonly recorded: (Dispatch | (() => Dispatch))[] = [];
  private readonly kept = new Set<Storage>();

  /** @throws UserError for f16 on an adapter without it */
  constructor(
    readonly device: Device,
    { maps = 'f32' }: { readonly maps?: ElementType | undefined } = {},
  ) {
    if (maps === 'f16') device.requireHalfPrecision();
    this.maps = maps;
  }

  /** All dispatches in order, as far as they are recorded. */
  get dispatches(): readonly Dispatch[] {
    return this.recorded.map((entry) => (typeof entry === 'function' ? entry() : entry));
  }

  /**
   * Appends one dispatch. Names of buffers, params and overrides are checked by the compiler against the WGSL. A function keeps the place
   * of a dispatch that grows with what is recorded after it: it is asked when the program is planned.
   */
  dispatch<B extends Record<string, Access>, P extends string, O extends string>(
    shader: Shader<B, P, O>,
    call: DispatchArguments<B, P, O> | (() => DispatchArguments<B, P, O>),
  ): void {
    this.recorded.push(typeof call === 'function' ? () => checked(shader, call()) : checked(shader, call));
  }

  get dispatchCount(): number {
    return this.recorded.length;
  }

  /** Whether one of the dispatches from number `first` on writes the storage; those given as functions do not count. */
  writesSince(first: number, storage: Storage): boolean {
    return this.recorded
      .slice(first)
      .some(
        (d) =>
          typeof d !== 'function' &&
          d.shader.bindings.some(({ name, access }) => access === 'readWrite' && d.buffers[name]?.storage === storage),
      );
  }

  /** A transient tensor: memory from the plan, content undefined until a dispatch writes it. NCHW is split where a binding cannot hold it. */
  empty<A extends string>(
    axes: A,
    shape: readonly number[],
    label = '',
    element: ElementType = axes === 'NCHW' ? this.maps : 'f32',
  ): Tensor<A> {
    return new Tensor(axes, shape, this.allocate(axes, shape, label, element), label);
  }

  /** A buffer that holds these words from the start, for dispatches to read. */
  constant(content: Uint32Array<ArrayBuffer>, label: string): BufferRef {
    return wholeStorage(new Storage(label, content.byteLength, undefined, false, 'f32', content));
  }

  /** A stand-in for a persistent tensor in a recording that is planned but never compiled. */
  external<A extends string>(axes: A, shape: readonly number[], label = ''): Tensor<A> {
    const storage = new Storage(label, bytesOf(elementsIn(shape), 'f32'), undefined, true);
    return tensorIn(wholeStorage(storage), axes, shape, label);
  }

  /** Keeps a transient tensor readable after the program has run. */
  keep(tensor: Tensor): void {
    for (const block of tensor.blocks) this.kept.add(block.buffer.storage);
  }

  /** The memory that `compile` would take, without touching the GPU. */
  plan(): MemoryPlan {
    return planProgram(placed(this.dispatches, this.kept), this.kept).plan;
  }

  /** Plans memory, compiles all pipelines in parallel, and builds every bind group: afterwards a run allocates nothing. */
  async compile(options: CompileOptions = {}): Promise<Program> {
    return compileProgram(this.device, placed(this.dispatches, this.kept), this.kept, options);
  }

  private allocate(axes: string, shape: readonly number[], label: string, element: ElementType): ChannelBlock[] {
    const limit = this.device.maxBindingBytes;
    const channels = axes === 'NCHW' ? (shape[1] ?? 1) : 1;
    const channelSize = elementsIn(shape) / channels;
    const channelBytes = bytesOf(channelSize, element);
    if (channelBytes > limit) {
      throw new UserError(
        `${label || axes} ${shape.join('x')}: one channel takes ${mebibytes(channelBytes)}, a binding of this adapter holds ${mebibytes(limit)}; use a smaller batch, patch or tile.`,
      );
    }
    const perBlock = Math.min(channels, Math.floor(limit / channelBytes));
    const blocks: ChannelBlock[] = [];
    for (let first = 0; first < channels; first += perBlock) {
      const count = Math.min(perBlock, channels - first);
      const storage = new Storage(label, bytesOf(count * channelSize, element), undefined, false, element);
      blocks.push({ buffer: wholeStorage(storage), blockChannels: count, offset: 0, count });
    }
    return blocks;
  }
}

function checked<B extends Record<string, Access>, P extends string, O extends string>(
  shader: Shader<B, P, O>,
  { buffers, params, overrides: given, grid, inPlace }: DispatchArguments<B, P, O>,
): Dispatch {
  if (grid.some((g) => !Number.isInteger(g) || g < 1 || g > MAX_WORKGROUPS)) {
    throw new RangeError(`${shader.name}: grid ${grid.join('x')}; WebGPU allows 1 to ${MAX_WORKGROUPS} workgroups per dimension.`);
  }
  const overrides = Object.fromEntries(
    Object.entries<number | undefined>(given ?? {}).filter((e): e is [string, number] => e[1] !== undefined),
  );
  return { shader: shaderFor(shader, mapsBound(shader, buffers)), buffers, params, overrides, grid, inPlace };
}

/**
 * The type of the maps among the buffers. Everything else is 32 bits wide; a map in such a place stands in for what the dispatch does not read.
 */
function mapsBound(shader: Shader, buffers: Readonly<Record<string, BufferRef>>): ElementType {
  const bound = shader.bindings.map(({ name, isMap }) => ({ name, isMap, storage: buffers[name]?.storage }));
  const maps = bound.find(({ isMap }) => isMap)?.storage?.element ?? 'f32';
  const isStandIn = (storage: Storage | undefined): boolean => bound.some((b) => b.isMap && b.storage === storage);
  const odd = bound.find(({ isMap, storage }) => (isMap ? storage?.element !== maps : storage?.element === 'f16' && !isStandIn(storage)));
  if (!odd) return maps;
  const found = bound.map(({ name, storage }) => `${name} ${storage?.element}`).join(', ');
  throw new TypeError(
    `${shader.name}: found ${found}, expected ${odd.isMap ? `${maps} for ${odd.name} as for the other maps` : `f32 for ${odd.name}`}. ` +
      'Bring the maps of a program to one type with asMap or asFloats.',
  );
}

/** Workgroups for `count` invocations of `workgroupSize`, folded into two dimensions; shaders undo it with `flatIndex`. */
export function flatGrid(count: number, workgroupSize: number): Grid {
  const groups = Math.ceil(count / workgroupSize);
  if (groups <= MAX_WORKGROUPS) return [Math.max(1, groups), 1, 1];
  const rows = Math.ceil(groups / MAX_WORKGROUPS);
  return [Math.ceil(groups / rows), rows, 1];
}
