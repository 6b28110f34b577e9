import { bilinear } from '../autograd/ops/bilinear.js';
import { concat, sideBySide } from '../autograd/ops/concat.js';
import type { Tensor } from '../runtime/tensor.js';
import type { UNet3PlusConfig } from './config.js';
import type { LayerSet, Pass } from './layers.js';

export interface AggregationOptions {
  /** Level of the node; source s has 2^(level - s) of its side, rounded down where that is not whole. */
  readonly level: number;
  /** Channels of the sources, finest first. */
  readonly sourceWidths: readonly number[];
  readonly branch: number;
  readonly fusion: number;
  readonly upsampling: UNet3PlusConfig['upsampling'];
}

/**
 * Full-scale skip aggregation, X_De of the UNet3+ paper (equation 2): every source at the node's size is convolved to `branch` channels; the
 * branches, side by side, are fused by one more conv-BN-ReLU. Finer sources come max-pooled, coarser ones are upsampled here.
 * Arrays: `NAME.branch.S.conv|bn`, `NAME.fuse.conv|bn`.
 */
export function fullScaleAggregation(
  layers: LayerSet,
  name: string,
  { level, sourceWidths, branch, fusion, upsampling }: AggregationOptions,
): (pass: Pass, sources: readonly Tensor<'NCHW'>[]) => Tensor<'NCHW'> {
  const branches = sourceWidths.map((width, s) => layers.convBnRelu(`${name}.branch.${s}.conv`, `${name}.branch.${s}.bn`, width, branch));
  const fuse = layers.convBnRelu(`${name}.fuse.conv`, `${name}.fuse.bn`, sourceWidths.length * branch, fusion);
  return (pass, sources) => {
    const own = sources[level];
    if (!own || sources.length !== branches.length)
      throw new RangeError(`${name}: ${sources.length} sources, expected ${branches.length}.`);
    const size = { height: own.dim('H'), width: own.dim('W') };
    const places = sideBySide(
      pass.tape,
      own,
      branches.map(() => branch),
      size,
    );
    const maps = branches.map((convBnRelu, s) => {
      const [source, into] = [sources[s] ?? own, places[s]];
      const settled = upsampling === 'after-conv';
      if (s <= level) return convBnRelu(pass, source, { into, settled });
      if (upsampling === 'before-conv') return convBnRelu(pass, source, { size, into });
      return bilinear(pass.tape, convBnRelu(pass, source), { ...size, into });
    });
    return fuse(pass, concat(pass.tape, maps));
  };
}
