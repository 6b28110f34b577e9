import { conv2dUpsampled, conv2dUpsampledGrad } from '../kernels/conv2d-upsampled.js';
import type { KernelCase } from './kernel-cases.js';

const [N, INPUTS, OUTPUTS, SIDE] = [4, 40, 8, 128] as const;

/**
 * A decoder branch of network S: the convolution of an enlarged map, mixed at low resolution. Work is that of this way (a 1x1 convolution to
 * 9 maps per output channel, then interpolation along W and H, 5 operations per tap); maps between do not count as moved.
 */
export function upsampledCases(): KernelCase[] {
  return [2, 4, 16].flatMap((ratio) => {
    const low = SIDE / ratio;
    const [lowPixels, pixels] = [N * low ** 2, N * SIDE ** 2];
    const mixing = 2 * lowPixels * 9 * INPUTS * OUTPUTS;
    const taps = 15 * OUTPUTS * ((3 * pixels) / ratio + pixels);
    const [lowMap, map, weights] = [4 * lowPixels * INPUTS, 4 * pixels * OUTPUTS, 4 * 9 * INPUTS * OUTPUTS];
    const name = `conv3x3 ${INPUTS}->${OUTPUTS} ${N}x${SIDE}x${SIDE} of a map enlarged x${ratio}`;
    return [
      {
        name: `${name} forward`,
        work: { flops: mixing + taps, bytes: lowMap + map + weights, mapBytes: lowMap + map },
        record: (r, make) => {
          const x = make.tensor('NCHW', N, INPUTS, low, low);
          const [weight, bias] = [make.tensor('OIHW', OUTPUTS, INPUTS, 3, 3), make.tensor('C', OUTPUTS)];
          conv2dUpsampled(r, { x, weight, bias, y: make.tensor('NCHW', N, OUTPUTS, SIDE, SIDE) }, false);
        },
      },
      {
        name: `${name} grad input and weight`,
        work: { flops: 2 * mixing + taps, bytes: 2 * lowMap + map + 2 * weights, mapBytes: 2 * lowMap + map },
        record: (r, make) => {
          const [x, dx] = [make.tensor('NCHW', N, INPUTS, low, low), make.tensor('NCHW', N, INPUTS, low, low)];
          const [mixed, dw] = [make.tensor('OIHW', 9 * OUTPUTS, INPUTS, 1, 1), make.tensor('OIHW', OUTPUTS, INPUTS, 3, 3)];
          conv2dUpsampledGrad(r, x, mixed, make.tensor('NCHW', N, OUTPUTS, SIDE, SIDE), { dx, dw });
        },
      },
    ] satisfies KernelCase[];
  });
}
