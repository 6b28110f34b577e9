// Network S: the UNet3+ of src/model/unet3plus.ts with the widths of the paper divided by 8, written once over the ops of an engine.
// Level k has 1/2^k of the input's side.

const LEVELS = [0, 1, 2, 3, 4];
const ENCODER = [8, 16, 32, 64, 128];
const BRANCH = 8;
const FUSION = 40;
export const CHANNELS = 3;

/** @typedef {{ name: string, inputs: number, outputs: number, bn?: string }} Conv 3x3, padding 1, with bias; `bn` names the batch norm behind it */

/**
 * Every convolution of the network.
 * @returns {Conv[]}
 */
export function convolutions() {
  const encoder = LEVELS.flatMap((k) => [
    { name: `enc.${k}.conv.0`, bn: `enc.${k}.bn.0`, inputs: ENCODER[k - 1] ?? 1, outputs: ENCODER[k] ?? 0 },
    { name: `enc.${k}.conv.1`, bn: `enc.${k}.bn.1`, inputs: ENCODER[k] ?? 0, outputs: ENCODER[k] ?? 0 },
  ]);
  /** @param {number} s @param {number} k */
  const sourceWidth = (s, k) => (s <= k || s === 4 ? (ENCODER[s] ?? 0) : FUSION);
  const decoder = LEVELS.slice(0, 4).flatMap((k) => [
    ...LEVELS.map((s) => ({
      name: `dec.${k}.branch.${s}.conv`,
      bn: `dec.${k}.branch.${s}.bn`,
      inputs: sourceWidth(s, k),
      outputs: BRANCH,
    })),
    { name: `dec.${k}.fuse.conv`, bn: `dec.${k}.fuse.bn`, inputs: 5 * BRANCH, outputs: FUSION },
  ]);
  const heads = LEVELS.map((k) => ({ name: `head.${k}`, inputs: k === 4 ? (ENCODER[4] ?? 0) : FUSION, outputs: CHANNELS }));
  return [...encoder, ...decoder, ...heads];
}

/** Names of what is learnt. */
export function parameterNames() {
  return convolutions().flatMap(({ name, bn }) => [name, ...(bn ? [bn] : [])].flatMap((layer) => [`${layer}.weight`, `${layer}.bias`]));
}

/**
 * @template Map2d
 * @typedef {object} NetworkOps
 * @property {(x: Map2d, conv: string, bn: string) => Map2d} convBnRelu
 * @property {(x: Map2d, conv: string) => Map2d} conv
 * @property {(x: Map2d, size: number) => Map2d} maxPool windows of size x size, side by side
 * @property {(x: Map2d, factor: number) => Map2d} upsample bilinear, half-pixel centres
 * @property {(maps: Map2d[]) => Map2d} concat over channels
 */

/**
 * Logits of the first `heads` heads, finest first, each upsampled to full size.
 * @template Map2d
 * @param {NetworkOps<Map2d>} ops
 * @param {Map2d} x
 * @param {number} heads
 */
export function forwardS(ops, x, heads) {
  const maps = /** @type {Map2d[]} */ ([]);
  for (const k of LEVELS) {
    const source = k === 0 ? x : ops.maxPool(/** @type {Map2d} */ (maps[k - 1]), 2);
    maps[k] = ops.convBnRelu(ops.convBnRelu(source, `enc.${k}.conv.0`, `enc.${k}.bn.0`), `enc.${k}.conv.1`, `enc.${k}.bn.1`);
  }
  // From the coarsest node up, `maps[k]` turns from the encoder's map into the decoder's: node k reads encoder maps up to k, decoder maps below.
  for (const k of [3, 2, 1, 0]) {
    const branches = maps.map((source, s) => {
      const sized = s < k ? ops.maxPool(source, 2 ** (k - s)) : s > k ? ops.upsample(source, 2 ** (s - k)) : source;
      return ops.convBnRelu(sized, `dec.${k}.branch.${s}.conv`, `dec.${k}.branch.${s}.bn`);
    });
    maps[k] = ops.convBnRelu(ops.concat(branches), `dec.${k}.fuse.conv`, `dec.${k}.fuse.bn`);
  }
  return LEVELS.slice(0, heads).map((k) => {
    const logits = ops.conv(/** @type {Map2d} */ (maps[k]), `head.${k}`);
    return k === 0 ? logits : ops.upsample(logits, 2 ** k);
  });
}
