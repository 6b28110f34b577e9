import { Random } from '../random.js';
import type { Device } from '../runtime/device.js';
import { Recorder } from '../runtime/recorder.js';
import type { ElementType } from '../runtime/storage.js';
import type { Tensor } from '../runtime/tensor.js';
import { convolutionCases } from './convolution-cases.js';
import { compileWithin, freeTensors, replayed, type Operation, type Work } from './runnable.js';
import { spatialCases } from './spatial-cases.js';
import { upsampledCases } from './upsampled-cases.js';

/** A kernel on a size: what it computes at least, and how it is recorded on tensors of its own. */
export interface KernelCase {
  readonly name: string;
  readonly work: Work;
  readonly record: (r: Recorder, make: TensorMaker) => void;
}

/** Persistent tensors with random values, freed with the case. */
export class TensorMaker {
  readonly made: Tensor[] = [];
  private readonly random = new Random(1, 0x6b65726e);

  /** @param maps how NCHW tensors are stored */
  constructor(
    private readonly device: Device,
    private readonly maps: ElementType = 'f32',
  ) {}

  tensor<A extends string>(axes: A, ...shape: number[]): Tensor<A> {
    const data = new Float32Array(shape.reduce((product, s) => product * s, 1)).map(() => this.random.next() - 0.5);
    const tensor = this.device.tensor(axes, shape, data, axes, axes === 'NCHW' ? this.maps : 'f32');
    this.made.push(tensor);
    return tensor;
  }

  /** A map of 32-bit words, all 0. */
  words(...shape: number[]): Tensor<'NCHW'> {
    const tensor = this.device.tensor('NCHW', shape);
    this.made.push(tensor);
    return tensor;
  }
}

/** Every kernel that takes a share of a step, over the sizes that networks use. Names with `plain` are the untuned oracles. */
export function kernelOperations(): Operation[] {
  return [...convolutionCases(), ...upsampledCases(), ...spatialCases()].map(({ name, work, record }) => ({
    name,
    outputsOf: 'last step',
    work,
    build: async ({ device, memoryBudgetBytes, precision }) => {
      const make = new TensorMaker(device, precision);
      const recorder = new Recorder(device, { maps: precision });
      record(recorder, make);
      const program = await compileWithin(recorder, name, memoryBudgetBytes);
      return replayed(device, program, {
        outputs: () => Promise.resolve(new Map()),
        destroy: () => freeTensors(device, make.made),
      });
    },
  }));
}
