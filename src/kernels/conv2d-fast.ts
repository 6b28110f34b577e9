import { flatGrid, type Recorder } from '../runtime/recorder.js';
import { stored, type Tensor } from '../runtime/tensor.js';
import { blockPairs, cutBlock, type ConvGeometry } from './conv2d-blocks.js';
import { packedWeights, UNIFORM_BYTES, type WeightOrder } from './conv2d-pack.js';
import * as shaders from './shaders.gen.js';
import { chosen, CONV_1X1 } from './tunable.js';

/** Kernels with a fast form, all of one group: 3x3 of stride 1 with a padding of up to twice the dilation, and 1x1 of any stride without padding. */
export type FastKernel = '3x3' | '1x1';

export function fastKernel(
  r: Recorder,
  weight: Tensor<'OIHW'>,
  { stride, padding, dilation, groups = 1 }: ConvGeometry,
): FastKernel | null {
  if (!hasFastKernels(r) || groups > 1) return null;
  const side = weight.dim('H') === weight.dim('W') ? weight.dim('H') : 0;
  if (side === 3 && stride === 1 && padding <= 2 * dilation) return '3x3';
  return side === 1 && padding === 0 ? '1x1' : null;
}

/** Whether weights fit into a binding of the device as these kernels hold them. */
export function hasFastKernels(r: Recorder): boolean {
  return r.device.maxBindingBytes >= UNIFORM_BYTES;
}

export interface FastConv {
  /** May be pending. */
  readonly from: Tensor<'NCHW'>;
  readonly to: Tensor<'NCHW'>;
  readonly weight: Tensor<'OIHW'>;
  readonly bias: Tensor<'C'> | null;
  readonly order: WeightOrder;
  /** Of 3x3 weights, one that mixes: `WeightRun`. */
  readonly mixing?: boolean;
  readonly relu: boolean;
  /** Leaves the moments of `to` with it, where the kernel can. */
  readonly moments?: boolean | undefined;
}

/** Fewest invocations of a workgroup: with fewer, every small size would have a pipeline of its own. */
const LEAST_WG = 16;

/** A smaller workgroup for a map that does not fill one: the other invocations would compute as much, for nothing. */
export function filled(r: Recorder, WG: number, count: number): number {
  const least = Math.max(count, r.device.adapter.subgroupMaxSize, LEAST_WG);
  return Math.min(WG, 2 ** Math.ceil(Math.log2(least)));
}

export function fast1x1(r: Recorder, conv: FastConv, stride: number): void {
  const [images = 1, , outHeight = 1, outWidth = 1] = conv.to.shape;
  const outPlane = outHeight * outWidth;
  const width = conv.from.dim('W');
  const plane = conv.from.dim('H') * width;
  const NORM = Number(conv.from.pending);
  for (const { buffers, params, octets, accumulate } of fastRuns(r, conv, 2048)) {
    const { inChannels, outChannels } = params;
    const { kernel, WG: usual } = chosen(r, CONV_1X1, { images, inChannels, outChannels, height: outHeight, width: outWidth });
    if (kernel === 'subgroup' && stride === 1) {
      const half = Math.ceil(plane / 2);
      const count = images * half;
      const WG = filled(r, usual, count);
      const [gx, gy] = flatGrid(count, WG);
      const sizes = { count, half, plane, ...params };
      const grid = [gx, gy, Math.ceil(octets / 3)] as const;
      r.dispatch(shaders.conv2d1x1Subgroup, { buffers, params: sizes, overrides: { WG, ACCUMULATE: accumulate, NORM }, grid });
    } else {
      const quarter = Math.ceil(outPlane / 4);
      const count = images * quarter;
      const WG = filled(r, usual, count);
      const [gx, gy] = flatGrid(count, WG);
      const sizes = { count, quarter, plane, width, outPlane, outWidth, stride, accumulate, ...params };
      r.dispatch(shaders.conv2d1x1, { buffers, params: sizes, overrides: { WG, NORM }, grid: [gx, gy, octets] });
    }
  }
}

/**
 * Cuts a convolution into dispatches of channels in one buffer each, and packs the weights of each. `mostInputs`: input channels
 * times blocks of 8 output channels whose weights fit into the uniform array of the shader.
 */
export function fastRuns(r: Recorder, { from, to, weight, bias, order, mixing = false, relu }: FastConv, mostInputs: number) {
  return blockPairs(stored(from), to).flatMap((pair) =>
    cutBlock(pair.in, mostInputs).flatMap((input) =>
      cutBlock(pair.out, 8 * Math.floor(mostInputs / input.block.count)).map((output) => {
        const [firstIn, firstOut] = [pair.firstIn + input.first, pair.firstOut + output.first];
        const [inChannels, outChannels] = [input.block.count, output.block.count];
        const packed = packedWeights(r, { weight, order, mixing, firstIn, firstOut, inChannels, outChannels });
        return {
          buffers: {
            ...{ x: input.block.buffer, weight: packed, bias: (bias ?? weight).buffer, y: output.block.buffer },
            table: input.block.table ?? input.block.buffer,
          },
          params: {
            inChannels,
            outChannels,
            xChannels: input.block.blockChannels,
            xOffset: input.block.offset,
            yChannels: output.block.blockChannels,
            yOffset: output.block.offset,
            biasOffset: firstOut,
            hasBias: bias ? 1 : 0,
            relu: relu && firstIn + inChannels === from.dim('C') ? 1 : 0,
          },
          octets: Math.ceil(outChannels / 8),
          accumulate: firstIn > 0 ? 1 : 0,
        };
      }),
    ),
  );
}

export type FastRun = ReturnType<typeof fastRuns>[number];
