import type { GrayImage } from '../data/image.js';

/** What a training patch must bring; the synth room's `Sample` is one. */
export interface TrainingSample {
  readonly image: GrayImage;
  /** Per segmentation channel, 1 = MC. */
  readonly masks: readonly Uint8Array[];
  /** 1 = leave this pixel out of the loss. */
  readonly ignore: Uint8Array;
  readonly classIndex: number;
}

/** A named array inside a batch; offsets are multiples of 256 bytes, so that each can be bound by itself. */
export interface BatchPart {
  readonly offset: number;
  readonly shape: readonly number[];
}

/**
 * One batch as one array of 32-bit floats, so that it crosses threads and reaches the GPU in one copy.
 * Level k has 1/2^k of the patch's side; coarse targets are max-pooled masks, so that a 1-pixel MC does not vanish.
 */
export interface BatchLayout {
  readonly length: number;
  /** [N, 1, P, P] */
  readonly image: BatchPart;
  /** Level k: [N, channels, P/2^k, P/2^k], 1 = MC. */
  readonly targets: readonly BatchPart[];
  /** Level k: [N, 1, P/2^k, P/2^k], 0 = left out of the loss: some pixel below is to be ignored and none is an MC. */
  readonly weights: readonly BatchPart[];
  /** Class index of every image: [N]. */
  readonly classes: BatchPart;
}

/** Elements to a bindable offset (256 bytes). */
const ALIGN = 64;

export function batchLayout(batch: number, patch: number, channels: number, levels: number): BatchLayout {
  let length = 0;
  const part = (shape: readonly number[]): BatchPart => {
    const offset = length;
    length += Math.ceil(shape.reduce((product, s) => product * s, 1) / ALIGN) * ALIGN;
    return { offset, shape };
  };
  const sides = Array.from({ length: levels }, (_, k) => patch / 2 ** k);
  return {
    image: part([batch, 1, patch, patch]),
    targets: sides.map((side) => part([batch, channels, side, side])),
    weights: sides.map((side) => part([batch, 1, side, side])),
    classes: part([batch]),
    get length() {
      return length;
    },
  };
}

/** Writes samples into an array of `layout.length` elements. */
export function fillBatch(layout: BatchLayout, samples: readonly TrainingSample[], into: Float32Array): void {
  const side = layout.image.shape[3] ?? 0;
  for (const [n, sample] of samples.entries()) {
    into.set(sample.image.data, layout.image.offset + n * side * side);
    let masks: readonly Uint8Array[] = sample.masks;
    let ignore = sample.ignore;
    for (const [k, target] of layout.targets.entries()) {
      const s = side / 2 ** k;
      if (k > 0) {
        masks = masks.map((m) => halve(m, 2 * s));
        ignore = halve(ignore, 2 * s);
      }
      for (const [c, mask] of masks.entries()) into.set(mask, target.offset + (n * masks.length + c) * s * s);
      const offset = (layout.weights[k]?.offset ?? 0) + n * s * s;
      for (let i = 0; i < s * s; i++) into[offset + i] = ignore[i] && !masks.some((m) => m[i]) ? 0 : 1;
    }
    into[layout.classes.offset + n] = sample.classIndex;
  }
}

/** 2x2 maximum of a square map of even side. */
function halve(map: Uint8Array, side: number): Uint8Array {
  const half = side / 2;
  const out = new Uint8Array(half * half);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (map[y * side + x]) out[(y >> 1) * half + (x >> 1)] = 1;
    }
  }
  return out;
}
