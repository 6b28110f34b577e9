import { UserError } from '../errors.js';
import type { Device } from '../runtime/device.js';
import { Storage, wholeStorage } from '../runtime/storage.js';
import { elementsIn, tensorIn, type Tensor } from '../runtime/tensor.js';
import { Parameter } from './tape.js';

/** Name, axes (`'OIHW'`, `'C'`, ...) and sizes of a parameter or of a buffer. */
export interface TensorSpec {
  readonly name: string;
  readonly axes: string;
  readonly shape: readonly number[];
}

/** Values with their shape, as a file holds them. */
export interface ShapedArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

interface Place {
  readonly spec: TensorSpec;
  /** First element in the flat array, a multiple of `ALIGN`. */
  readonly first: number;
  readonly size: number;
}

interface Layout {
  readonly places: readonly Place[];
  readonly elements: number;
}

/** Elements to a bindable offset (256 bytes). Whatever lies between two tensors stays zero. */
export const ALIGN = 64;

/**
 * Everything a model keeps: its parameters in one flat array, their gradients in another of the same layout, and its buffers
 * (running statistics of batch norm) in a third, so that an optimizer updates all of them in one dispatch.
 */
export class ParameterStore {
  /** All parameters, gaps included. */
  readonly weights: Tensor<'E'>;
  /** Gradients in the layout of `weights`. */
  readonly gradients: Tensor<'E'>;
  /** All buffers, gaps included. */
  readonly buffers: Tensor<'E'>;
  /** Numbers that are learnt. */
  readonly parameterCount: number;
  /** Numbers in buffers. */
  readonly bufferCount: number;
  private readonly parameterLayout: Layout;
  private readonly bufferLayout: Layout;
  private readonly parameters: ReadonlyMap<string, Parameter>;
  private readonly bufferTensors: ReadonlyMap<string, Tensor<'C'>>;

  /**
   * @param options.gradients false for a store that is never trained (an average of weights): its gradients take no memory,
   *   and recording a gradient into it fails when the program is compiled.
   */
  constructor(
    readonly device: Device,
    readonly specs: readonly TensorSpec[],
    readonly bufferSpecs: readonly TensorSpec[] = [],
    options: { readonly gradients?: boolean } = {},
  ) {
    refuseRepeatedNames([...specs, ...bufferSpecs]);
    this.parameterLayout = layOut(specs);
    this.bufferLayout = layOut(bufferSpecs);
    this.parameterCount = specs.reduce((sum, s) => sum + elementsIn(s.shape), 0);
    this.bufferCount = bufferSpecs.reduce((sum, s) => sum + elementsIn(s.shape), 0);
    this.weights = flat(device, 'weights', this.parameterLayout.elements, true);
    this.gradients = flat(device, 'gradients', this.parameterLayout.elements, options.gradients ?? true);
    this.buffers = flat(device, 'buffers', this.bufferLayout.elements, true);
    this.parameters = new Map(
      this.parameterLayout.places.map((place) => {
        const { name } = place.spec;
        return [name, new Parameter(slice(this.weights, place), slice(this.gradients, place), name)];
      }),
    );
    this.bufferTensors = new Map(this.bufferLayout.places.map((place) => [place.spec.name, slice(this.buffers, place) as Tensor<'C'>]));
  }

  /** The parameter of this name. */
  get<A extends string = string>(name: string): Parameter<A> {
    const found = this.parameters.get(name);
    if (!found) throw new RangeError(`parameters: there is no ${name}; there are ${some([...this.parameters.keys()])}.`);
    return found as Parameter<A>;
  }

  /** The buffer of this name, e.g. `bn.running_mean`. */
  buffer(name: string): Tensor<'C'> {
    const found = this.bufferTensors.get(name);
    if (!found) throw new RangeError(`parameters: there is no buffer ${name}; there are ${some([...this.bufferTensors.keys()])}.`);
    return found;
  }

  /**
   * Sets every parameter and buffer. Errors (UserError, listing the names): something is missing, unknown, of another size or
   * shape, or not finite; nothing is changed then.
   */
  load(values: ReadonlyMap<string, Float32Array | ShapedArray>): void {
    refuseMismatch([...this.specs, ...this.bufferSpecs], values);
    this.device.write(this.weights, flatten(this.parameterLayout, values));
    this.device.write(this.buffers, flatten(this.bufferLayout, values));
  }

  /** All parameters and buffers by name, as they are on the GPU now. */
  async read(): Promise<Map<string, Float32Array<ArrayBuffer>>> {
    const [weights, buffers] = await Promise.all([this.device.read(this.weights), this.device.read(this.buffers)]);
    return new Map([...unflatten(this.parameterLayout, weights), ...unflatten(this.bufferLayout, buffers)]);
  }

  /** Cuts an array in the layout of `weights` (moments of an optimizer) into one per parameter. */
  unflatten(values: Float32Array): Map<string, Float32Array<ArrayBuffer>> {
    return unflatten(this.parameterLayout, values);
  }

  /** The opposite of `unflatten`; gaps are zero. The same errors as `load`. */
  flatten(values: ReadonlyMap<string, Float32Array | ShapedArray>): Float32Array<ArrayBuffer> {
    refuseMismatch(this.specs, values);
    return flatten(this.parameterLayout, values);
  }

  /** For every `ALIGN` elements of `weights`, the value of `f` for the parameter that they belong to. */
  perBlock(f: (spec: TensorSpec) => number): Float32Array<ArrayBuffer> {
    const blocks = new Float32Array(this.parameterLayout.elements / ALIGN);
    for (const { spec, first, size } of this.parameterLayout.places) blocks.fill(f(spec), first / ALIGN, Math.ceil((first + size) / ALIGN));
    return blocks;
  }

  destroy(): void {
    for (const t of [this.weights, this.gradients, this.buffers]) {
      if (t.buffer.storage.buffer) this.device.destroyBuffer(t.buffer.storage.buffer);
    }
  }
}

function layOut(specs: readonly TensorSpec[]): Layout {
  let elements = 0;
  const places = specs.map((spec): Place => {
    const place = { spec, first: elements, size: elementsIn(spec.shape) };
    elements += Math.ceil(place.size / ALIGN) * ALIGN;
    return place;
  });
  return { places, elements: Math.max(ALIGN, elements) };
}

function flat(device: Device, label: string, elements: number, allocated: boolean): Tensor<'E'> {
  const sizeBytes = 4 * elements;
  const storage = allocated ? device.persistentStorage(label, sizeBytes) : new Storage(label, sizeBytes, undefined, true);
  return tensorIn(wholeStorage(storage), 'E', [elements], label);
}

function slice(whole: Tensor<'E'>, { spec, first, size }: Place): Tensor {
  const buffer = { storage: whole.buffer.storage, offsetBytes: 4 * first, sizeBytes: 4 * size };
  return tensorIn(buffer, spec.axes, spec.shape, spec.name);
}

function flatten(layout: Layout, values: ReadonlyMap<string, Float32Array | ShapedArray>): Float32Array<ArrayBuffer> {
  const out = new Float32Array(layout.elements);
  for (const { spec, first } of layout.places) {
    const value = values.get(spec.name);
    if (value) out.set(dataOf(value), first);
  }
  return out;
}

function unflatten(layout: Layout, values: Float32Array): Map<string, Float32Array<ArrayBuffer>> {
  return new Map(layout.places.map(({ spec, first, size }) => [spec.name, Float32Array.from(values.subarray(first, first + size))]));
}

function dataOf(value: Float32Array | ShapedArray): Float32Array {
  return value instanceof Float32Array ? value : value.data;
}

function refuseRepeatedNames(specs: readonly TensorSpec[]): void {
  const seen = new Set<string>();
  for (const { name } of specs) {
    if (seen.has(name)) throw new RangeError(`parameters: the name ${name} occurs twice; expected every name once.`);
    seen.add(name);
  }
}

function refuseMismatch(specs: readonly TensorSpec[], values: ReadonlyMap<string, Float32Array | ShapedArray>): void {
  const known = new Set(specs.map((s) => s.name));
  const missing = specs.filter((s) => !values.has(s.name)).map((s) => s.name);
  const unexpected = [...values.keys()].filter((name) => !known.has(name));
  const mismatched: string[] = [];
  const notFinite: string[] = [];
  for (const spec of specs) {
    const value = values.get(spec.name);
    if (!value) continue;
    if (!fits(spec, value)) mismatched.push(`${spec.name} (${shapeOf(value)}, expected ${spec.axes} ${spec.shape.join('x') || 'scalar'})`);
    else if (!dataOf(value).every(Number.isFinite)) notFinite.push(spec.name);
  }
  const problems = [
    ...(missing.length > 0 ? [`missing: ${some(missing)}`] : []),
    ...(unexpected.length > 0 ? [`unexpected: ${some(unexpected)}`] : []),
    ...(mismatched.length > 0 ? [`of another shape: ${some(mismatched)}`] : []),
    ...(notFinite.length > 0 ? [`with values that are not finite: ${some(notFinite)}`] : []),
  ];
  if (problems.length === 0) return;
  throw new UserError(
    `The weights do not fit the model: ${problems.join('; ')}. Expected ${specs.length} tensors; use the file and the configuration of one model.`,
  );
}

/** Shape [1] and a scalar's [] hold the same. */
function fits(spec: TensorSpec, value: Float32Array | ShapedArray): boolean {
  if (dataOf(value).length !== elementsIn(spec.shape)) return false;
  return value instanceof Float32Array || elementsIn(spec.shape) === 1 || value.shape.join() === spec.shape.join();
}

function shapeOf(value: Float32Array | ShapedArray): string {
  return value instanceof Float32Array ? `${value.length} numbers` : value.shape.join('x');
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ') || 'none';
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
