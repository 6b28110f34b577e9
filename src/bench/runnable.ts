import type { ShapedArray } from '../autograd/parameters.js';
import { UserError } from '../errors.js';
import { mebibytes, type Device } from '../runtime/device.js';
import type { MemoryPlan } from '../runtime/memory-plan.js';
import type { Program } from '../runtime/program.js';
import type { Recorder } from '../runtime/recorder.js';
import type { ElementType } from '../runtime/storage.js';
import type { Tensor } from '../runtime/tensor.js';

export type NamedArrays = ReadonlyMap<string, ShapedArray>;

/** One measured operation, ready to be repeated. */
export interface Runnable {
  /** The recorded program that a step replays; null where a step is more than one program (detection). */
  readonly program: Program | null;
  readonly plan: MemoryPlan | null;
  /** Encodes and submits one repetition. */
  step(): void;
  /** Until the GPU has done what `step` submitted. */
  wait(): Promise<void>;
  /** Results of the last step. */
  outputs(): Promise<NamedArrays>;
  destroy(): void;
}

export interface BuildContext {
  readonly device: Device;
  readonly inputs: NamedArrays;
  readonly memoryBudgetBytes?: number | undefined;
  /** How feature maps are stored; default f32. */
  readonly precision?: ElementType | undefined;
  /** Bytes of the shipped model file, for detection. */
  readonly modelFile?: (() => Promise<Uint8Array>) | undefined;
}

/** What an operation has to do at least, however it is written. */
export interface Work {
  /** Floating-point operations; a multiply-add is two. */
  readonly flops: number;
  /** Every input read and every output written once, all in 32 bits. */
  readonly bytes: number;
  /** Those of feature maps. */
  readonly mapBytes: number;
}

/** The same work with maps stored as they were. */
export function storedWork({ flops, bytes, mapBytes }: Work, precision: ElementType): { readonly flops: number; readonly bytes: number } {
  return { flops, bytes: precision === 'f16' ? bytes - mapBytes / 2 : bytes };
}

export interface Operation {
  readonly name: string;
  /** Declared for single kernels: rates and the roofline come from it. */
  readonly work?: Work;
  /** Of which step the outputs are asked for: a training step's change from step to step. */
  readonly outputsOf: 'first step' | 'last step';
  readonly build: (context: BuildContext) => Promise<Runnable>;
}

/** The input of this name as a persistent tensor. */
export function inputTensor<A extends string>({ device, inputs }: BuildContext, name: string, axes: A, element?: ElementType): Tensor<A> {
  const array = inputs.get(name);
  if (!array) throw new Error(`bench: no input ${name}; there are ${[...inputs.keys()].join(', ')}.`);
  return device.tensor(axes, array.shape, array.data, name, element);
}

export function freeTensors(device: Device, tensors: readonly Tensor[]): void {
  for (const { buffer } of tensors) if (buffer.storage.buffer) device.destroyBuffer(buffer.storage.buffer);
}

/** Bytes that the params of one dispatch take at most. */
const PARAMS_BYTES = 256;

/** Compiles a recording, unless what it needs with everything that lives already exceeds the budget. */
export async function compileWithin(recorder: Recorder, label: string, budgetBytes = Infinity): Promise<Program> {
  const { device, dispatches } = recorder;
  const neededBytes = device.allocatedBytes + recorder.plan().peakBytes + PARAMS_BYTES * dispatches.length;
  if (neededBytes > budgetBytes) {
    throw new UserError(
      `The memory budget of ${mebibytes(budgetBytes)} is too small: ${label} needs ${mebibytes(neededBytes)}. ` +
        `Use --memory-budget ${Math.ceil(neededBytes / 2 ** 20)}MB or more.`,
    );
  }
  return recorder.compile({ label });
}

/** A runnable that replays one program; `before` is called before every replay. */
export function replayed(
  device: Device,
  program: Program,
  parts: Pick<Runnable, 'outputs' | 'destroy'> & { readonly before?: () => void },
): Runnable {
  return {
    program,
    plan: program.plan,
    step: () => {
      parts.before?.();
      program.run();
    },
    wait: () => device.idle(),
    outputs: parts.outputs,
    destroy: () => {
      program.destroy();
      parts.destroy();
    },
  };
}
