import { COMPACT, FULL, type UNet3PlusConfig } from '../model/config.js';

/** The UNet3+ of the paper with every width divided by 8, three channels, a head at every scale: 431,367 parameters. */
export const NETWORK_S: UNet3PlusConfig = {
  ...FULL,
  encoder: [8, 16, 32, 64, 128],
  branch: 8,
  fusion: [40, 40, 40, 40],
  segmentationChannels: 3,
  deepSupervision: true,
};

/** A network on a batch of square images. */
export interface NetworkWorkload {
  readonly name: string;
  readonly summary: string;
  readonly kind: 'train' | 'infer' | 'train-compact' | 'infer-compact';
  readonly network: UNet3PlusConfig;
  readonly batch: number;
  /** px */
  readonly side: number;
}

/** Single operations on one image. */
export interface OperationsWorkload {
  readonly name: string;
  readonly summary: string;
  readonly kind: 'operations';
  readonly channels: number;
  /** px */
  readonly side: number;
}

/** Whole-image detection. */
export interface DetectionWorkload {
  readonly name: string;
  readonly summary: string;
  readonly kind: 'detect';
  /** px */
  readonly height: number;
  readonly width: number;
}

export type Workload = NetworkWorkload | OperationsWorkload | DetectionWorkload;

const [train, infer] = [
  { kind: 'train', network: NETWORK_S },
  { kind: 'infer', network: NETWORK_S },
] as const;

/**
 * The standard workloads. Training of S: mean over the five heads (enlarged to full size) of the binary cross-entropy with logits,
 * Adam with learning rate 1e-3, betas 0.9 and 0.999, eps 1e-8. Inference of S: batch norms folded, finest head alone.
 */
export const WORKLOADS: readonly Workload[] = [
  { name: 'T', summary: 'training step of S, 4x1x128x128', ...train, batch: 4, side: 128 },
  { name: 'TL', summary: 'training step of S, 8x1x256x256', ...train, batch: 8, side: 256 },
  { name: 'I', summary: 'inference of S, 1x1x512x512', ...infer, batch: 1, side: 512 },
  { name: 'IL', summary: 'inference of S, 1x1x1024x1024', ...infer, batch: 1, side: 1024 },
  { name: 'M', summary: 'single operations at 1x16x512x512', kind: 'operations', channels: 16, side: 512 },
  {
    name: 'C-T',
    summary: "training step of the compact network with the project's own objective, 4x1x128x128",
    kind: 'train-compact',
    network: COMPACT,
    batch: 4,
    side: 128,
  },
  { name: 'C-I', summary: 'inference of the compact network, 1x1x512x512', kind: 'infer-compact', network: COMPACT, batch: 1, side: 512 },
  { name: 'C-full', summary: 'detection on a 3328x2560 phantom with the shipped model', kind: 'detect', height: 3328, width: 2560 },
];
