/** Widths and switches of a UNet3+; `FULL` is the paper's network, `COMPACT` the one that mcgpu ships. */
export interface UNet3PlusConfig {
  readonly inputChannels: number;
  /** Channels of X_En^1 .. X_En^5. */
  readonly encoder: readonly number[];
  /** Channels of each of the five branches of a decoder node. */
  readonly branch: number;
  /** Channels of X_De^1 .. X_De^4 (the paper: 5 x branch). */
  readonly fusion: readonly number[];
  readonly segmentationChannels: number;
  /** A head at every scale (the paper's deep supervision), or at the finest only. */
  readonly deepSupervision: boolean;
  /**
   * Where a branch from a coarser scale is enlarged. The paper upsamples first; convolving first costs 1/4 .. 1/256 of the
   * multiplications and is not the same function (docs/decisions/0003).
   */
  readonly upsampling: 'before-conv' | 'after-conv';
  /** One 1x1 conv over the upsampled logits of all heads gives the finest output. */
  readonly fusedHead: boolean;
  /** The average-pooled image joins the input of every encoder stage. */
  readonly imagePyramid: boolean;
  /** Wider view at the coarsest scale; null leaves it out. */
  readonly context: ContextConfig | null;
  /** Classes of the per-scale and fused class outputs; 0 leaves them out. */
  readonly classes: number;
  /**
   * Probabilities of pixels are multiplied by that of the whole image to hold any class but the first: the paper's classification-guided
   * module, with a probability where its code has a hard yes or no. Default: they are not.
   */
  readonly classGuided?: boolean | undefined;
}

export interface ContextConfig {
  /** Channels of each parallel conv. */
  readonly channels: number;
  /** One 3x3 conv per dilation, in pixels of the coarsest scale. */
  readonly dilations: readonly number[];
  /** Side of the averaging window, in pixels of the coarsest scale, odd: fixed, so that a tile sees what the whole image sees. */
  readonly window: number;
}

/** UNet3+ as published, for one input channel and one output channel: 26,970,625 parameters (26,988,485 with deep supervision). */
export const FULL: UNet3PlusConfig = {
  inputChannels: 1,
  encoder: [64, 128, 256, 512, 1024],
  branch: 64,
  fusion: [320, 320, 320, 320],
  segmentationChannels: 1,
  deepSupervision: false,
  upsampling: 'before-conv',
  fusedHead: false,
  imagePyramid: false,
  context: null,
  classes: 0,
};

/** The compact network: the same full-scale topology, narrow at full resolution, with context, heads and classes at every scale. */
export const COMPACT: UNet3PlusConfig = {
  inputChannels: 1,
  encoder: [8, 16, 24, 32, 48],
  branch: 8,
  fusion: [8, 16, 16, 16],
  segmentationChannels: 2,
  deepSupervision: true,
  upsampling: 'after-conv',
  fusedHead: true,
  imagePyramid: true,
  context: { channels: 16, dilations: [1, 2, 4], window: 5 },
  classes: 3,
};
