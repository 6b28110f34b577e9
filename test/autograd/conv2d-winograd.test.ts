import { describe, expect, it } from 'vitest';
import { CONV_3X3_WAY } from '../../src/kernels/conv2d-winograd.js';
import { Tuning, type Ask } from '../../src/runtime/tuning.js';
import { expectClose } from '../support/golden.js';
import { testDevice } from '../support/gpu.js';
import { moved } from '../support/split.js';
import { convBounds, convCases, convData, describeConv, runConv, type ConvCase } from './conv2d.cases.js';

/** Every 3x3 convolution by Winograd's way. */
class AlwaysWinograd extends Tuning {
  override choose(ask: Ask, names: readonly [string, ...string[]]): string {
    super.choose(ask, names);
    return ask.op === CONV_3X3_WAY.op && names.includes('winograd') ? 'winograd' : names[0];
  }
}

const device = await testDevice();
// Several channel blocks, of which the first writes and others add; and room for one row of tiles at a time.
const splitDevice = await testDevice({ maxBindingBytes: 70000 });
for (const on of [device, splitDevice]) on.tuning = new AlwaysWinograd();

const cases: readonly ConvCase[] = [
  ...convCases.filter((c) => c.kernelHeight === 3 && c.kernelWidth === 3 && c.stride === 1 && c.dilation === 1),
  { n: 2, inChannels: 9, outChannels: 50, height: 30, width: 31, kernelHeight: 3, kernelWidth: 3, stride: 1, padding: 1, dilation: 1 },
];

/** Pixels of a tile share their rounding, and the transforms magnify it: measured at most 1.7 times the bound of plain sums. */
const GROWTH = 4;

describe.runIf(device.subgroups)('the 3x3 convolution by Winograd', () => {
  it.each(cases.map((c) => [describeConv(c), c] as const))(
    'equals the float64 reference, forward and all gradients, at %s',
    async (_, c) => {
      const data = convData(c);
      const bounds = convBounds(c, data);
      for (const on of [device, splitDevice]) {
        const result = await runConv(on, c, data, on === splitDevice ? moved : undefined);
        for (const key of ['y', 'dx', 'dw', 'db'] as const) {
          const { expected, each } = bounds[key];
          expectClose(result[key], expected, { abs: GROWTH * Math.max(...each) }, key);
        }
      }
      expect([...device.tuning.asked.values()].map(({ op }) => op)).toContain(CONV_3X3_WAY.op);
    },
  );
});
