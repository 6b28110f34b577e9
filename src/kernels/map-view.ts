import { flatGrid, type Grid } from '../runtime/recorder.js';
import type { Tensor } from '../runtime/tensor.js';
import { planeLanes, planePieces } from './plane-pieces.js';

/** Sizes of NCHW or NC logits as the losses walk over them: images, channels, pixels per plane. */
export interface MapView {
  readonly images: number;
  readonly channels: number;
  readonly plane: number;
}

export function mapView(logits: Tensor<'NCHW'> | Tensor<'NC'>): MapView {
  const [images, channels] = [logits.dim('N'), logits.dim('C')];
  return { images, channels, plane: logits.size / (images * channels) };
}

/** Pieces of every plane, how many in all, and the grid with one workgroup for each. */
export function mapPieces({ images, channels, plane }: MapView): { piece: number; pieces: number; count: number; grid: Grid } {
  const { piece, pieces } = planePieces(plane);
  return { piece, pieces, count: pieces * channels * images, grid: [pieces, channels, images] };
}

/** Invocations that share a plane, how many in all, and their grid for a workgroup of so many. */
export function mapLanes({ images, channels, plane }: MapView, workgroupSize: number): { lanes: number; count: number; grid: Grid } {
  const lanes = planeLanes(plane);
  const count = images * channels * lanes;
  return { lanes, count, grid: flatGrid(count, workgroupSize) };
}

/** One invocation per element. */
export function mapGrid({ images, channels, plane }: MapView, workgroupSize: number): Grid {
  return [Math.ceil(plane / workgroupSize), channels, images];
}
