import { bilinear } from '../kernels/bilinear.js';
import { conv2dGradWeight } from '../kernels/conv2d-grad-weight.js';
import { conv2d, conv2dGradInput } from '../kernels/conv2d.js';
import { maxPool2d } from '../kernels/max-pool2d.js';
import { Recorder } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { ENLARGEMENT } from './inputs.js';
import { compileWithin, freeTensors, inputTensor, replayed, type BuildContext, type Operation, type Work } from './runnable.js';
import type { OperationsWorkload } from './workloads.js';

/** Reads its inputs by name, records into `r`, returns the result. */
type Recording = (r: Recorder, input: <A extends string>(name: string, axes: A) => Tensor<A>) => Tensor;

const geometry = { stride: 1, padding: 1, dilation: 1 };

const RECORDS: Readonly<Record<string, Recording>> = {
  conv3x3: (r, input) => {
    const [x, weight, bias] = [input('x', 'NCHW'), input('weight', 'OIHW'), input('bias', 'C')];
    const y = r.empty('NCHW', [x.dim('N'), weight.dim('O'), x.dim('H'), x.dim('W')], 'y');
    conv2d(r, { x, weight, bias, y }, geometry, false);
    return y;
  },
  'conv3x3-grad-input': (r, input) => {
    const [weight, dy] = [input('weight', 'OIHW'), input('dy', 'NCHW')];
    const dx = r.empty('NCHW', [dy.dim('N'), weight.dim('I'), dy.dim('H'), dy.dim('W')], 'dx');
    conv2dGradInput(r, weight, dy, dx, geometry);
    return dx;
  },
  'conv3x3-grad-weight': (r, input) => {
    const [x, dy] = [input('x', 'NCHW'), input('dy', 'NCHW')];
    const dw = r.empty('OIHW', [dy.dim('C'), x.dim('C'), 3, 3], 'dw');
    conv2dGradWeight(r, x, dy, dw, geometry);
    return dw;
  },
  'bilinear-x4': (r, input) => {
    const x = input('small', 'NCHW');
    const y = r.empty('NCHW', [x.dim('N'), x.dim('C'), ENLARGEMENT * x.dim('H'), ENLARGEMENT * x.dim('W')], 'y');
    bilinear(r, x, y);
    return y;
  },
  'max-pool-2': (r, input) => {
    const x = input('x', 'NCHW');
    const shape = [x.dim('N'), x.dim('C'), x.dim('H') / 2, x.dim('W') / 2];
    const y = r.empty('NCHW', shape, 'y');
    maxPool2d(r, x, y, { kernelSize: 2, stride: 2, padding: 0 });
    return y;
  },
};

/** Floating-point operations per pixel and channel pair or channel, and maps of the full size that are read or written. */
function workOf(name: string, { channels, side }: OperationsWorkload): Work {
  const pixels = side ** 2;
  const map = 4 * channels * pixels;
  if (name.startsWith('conv')) return { flops: 18 * channels ** 2 * pixels, bytes: 2 * map + 4 * 9 * channels ** 2, mapBytes: 2 * map };
  if (name.startsWith('bilinear')) return onMaps(9 * channels * pixels, (1 + 1 / ENLARGEMENT ** 2) * map);
  return { flops: channels * pixels, bytes: (1 + 1.25 / 4) * map, mapBytes: (1 + 1 / 4) * map }; // and a byte for every maximum
}

function onMaps(flops: number, bytes: number): Work {
  return { flops, bytes, mapBytes: bytes };
}

/** The single operations of M; each has the output `y.<operation>`, the first one `y` as well. */
export function singleOperations(workload: OperationsWorkload): Operation[] {
  return Object.entries(RECORDS).map(([name, record]) => ({
    name,
    outputsOf: 'last step',
    work: workOf(name, workload),
    build: async (context: BuildContext) => {
      const { device, memoryBudgetBytes, precision } = context;
      const read: Tensor[] = [];
      const recorder = new Recorder(device, { maps: precision });
      const result = record(recorder, (input, axes) => {
        const tensor = inputTensor(context, input, axes, axes === 'NCHW' ? precision : 'f32');
        read.push(tensor);
        return tensor;
      });
      recorder.keep(result);
      const program = await compileWithin(recorder, `${workload.name} ${name}`, memoryBudgetBytes);
      return replayed(device, program, {
        outputs: async () => new Map([[`y.${name}`, { shape: result.shape, data: await device.read(result) }]]),
        destroy: () => {
          freeTensors(device, read);
        },
      });
    },
  }));
}
