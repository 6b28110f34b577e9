// Shapes of annotations, in pixels of their image: x = column, y = row, centre of the top-left pixel = (0, 0).

export type Point = readonly [x: number, y: number];

export type Shape = (
  | { readonly kind: 'point'; readonly at: Point }
  | { readonly kind: 'circle'; readonly at: Point; readonly radius: number }
  /** Outer edges, as the boxes of findings. */
  | { readonly kind: 'box'; readonly edges: Edges }
  /** Pixels on the outline belong to it. */
  | { readonly kind: 'polygon'; readonly points: readonly Point[] }
  | Runs
) & {
  /** Part of the X-rays that it takes away where it is thickest; known of what was drawn. */
  readonly contrast?: number;
};

/** Pixels of a mask that may be larger or smaller than the image: its pixel p lies at (p + 0.5) * scale - 0.5 of the image. */
export interface Runs {
  readonly kind: 'runs';
  readonly runs: readonly Run[];
  /** Size of the mask; null = the image's. */
  readonly mask: { readonly width: number; readonly height: number } | null;
  /** Image px per mask px; 1 until `fitShapes` knows the image. */
  readonly scale: readonly [row: number, column: number];
}

/** [x0, y0, x1, y1] */
export type Edges = readonly [x0: number, y0: number, x1: number, y1: number];

/** Pixels x0 .. x1 of a row, both included. */
export type Run = readonly [row: number, x0: number, x1: number];

/** A single point says where, not how large: pixel figures have no meaning there. */
export function hasExtent(shape: Shape): boolean {
  return shape.kind !== 'point';
}

export function centreOf(shape: Shape): Point {
  switch (shape.kind) {
    case 'point':
    case 'circle':
      return shape.at;
    case 'box':
      return [(shape.edges[0] + shape.edges[2]) / 2, (shape.edges[1] + shape.edges[3]) / 2];
    case 'polygon':
      return centroid(shape.points);
    case 'runs':
      return runsCentre(shape.runs, shape.scale);
  }
}

/** Outer edges; those of a point are the point itself: it overlaps nothing. */
export function edgesOf(shape: Shape): Edges {
  switch (shape.kind) {
    case 'point':
      return [...shape.at, ...shape.at];
    case 'circle':
      return [shape.at[0] - shape.radius, shape.at[1] - shape.radius, shape.at[0] + shape.radius, shape.at[1] + shape.radius];
    case 'box':
      return shape.edges;
    case 'polygon': {
      const [left, right] = range(shape.points.map(([x]) => x));
      const [top, bottom] = range(shape.points.map(([, y]) => y));
      return [left - 0.5, top - 0.5, right + 0.5, bottom + 0.5];
    }
    case 'runs':
      return runsEdges(shape.runs, shape.scale);
  }
}

export function contains(shape: Shape, x: number, y: number): boolean {
  switch (shape.kind) {
    case 'point':
      return shape.at[0] === x && shape.at[1] === y;
    case 'circle':
      return Math.hypot(x - shape.at[0], y - shape.at[1]) <= shape.radius;
    case 'box':
      return x >= shape.edges[0] && x <= shape.edges[2] && y >= shape.edges[1] && y <= shape.edges[3];
    case 'polygon':
      return inPolygon(shape.points, x, y);
    case 'runs': {
      const row = Math.round((y + 0.5) / shape.scale[0] - 0.5);
      const column = Math.round((x + 0.5) / shape.scale[1] - 0.5);
      return shape.runs.some(([r, x0, x1]) => r === row && column >= x0 && column <= x1);
    }
  }
}

/** Indices (row-major) of the image's pixels whose centre lies in the shape; of a shape that holds none, the nearest pixel. */
export function pixelsOf(shape: Shape, width: number, height: number): number[] {
  const [x0, y0, x1, y1] = edgesOf(shape);
  const pixels: number[] = [];
  for (let y = Math.max(0, Math.ceil(y0)); y <= Math.min(height - 1, y1); y++)
    for (let x = Math.max(0, Math.ceil(x0)); x <= Math.min(width - 1, x1); x++) if (contains(shape, x, y)) pixels.push(y * width + x);
  if (pixels.length > 0) return pixels;
  const [cx, cy] = centreOf(shape);
  const clamp = (v: number, size: number): number => Math.min(Math.max(Math.round(v), 0), size - 1);
  return [clamp(cy, height) * width + clamp(cx, width)];
}

/** Annotators click on the outermost pixels, and some tools count from 1: so far outside a point is moved in, px. */
const SLACK_PX = 1;

/**
 * The shapes that belong to an image of this size: points beside its border moved onto it, masks of another size stretched to it;
 * `outside` counts the others.
 */
export function fitShapes(shapes: readonly Shape[], width: number, height: number): { inside: Shape[]; outside: number } {
  const inside = shapes.flatMap((shape) => fitShape(shape, width, height));
  return { inside, outside: shapes.length - inside.length };
}

function fitShape(shape: Shape, width: number, height: number): Shape[] {
  if (shape.kind === 'runs' && shape.mask) return [{ ...shape, scale: [height / shape.mask.height, width / shape.mask.width] }];
  const [x, y] = centreOf(shape);
  const reaches = (v: number, size: number): boolean => v >= -0.5 - SLACK_PX && v <= size - 0.5 + SLACK_PX;
  if (!reaches(x, width) || !reaches(y, height)) return [];
  if (shape.kind !== 'point') return [shape];
  return [{ ...shape, at: [Math.min(Math.max(x, 0), width - 1), Math.min(Math.max(y, 0), height - 1)] }];
}

/** Centre of area; where the outline has none (a line, a single pixel's), the mean of its points. */
function centroid(points: readonly Point[]): Point {
  let [area, sumX, sumY] = [0, 0, 0];
  for (const [i, [x, y]] of points.entries()) {
    const [nextX, nextY] = points[(i + 1) % points.length]!;
    const cross = x * nextY - nextX * y;
    area += cross / 2;
    sumX += ((x + nextX) * cross) / 6;
    sumY += ((y + nextY) * cross) / 6;
  }
  if (Math.abs(area) > 1e-9) return [sumX / area, sumY / area];
  return [points.reduce((s, [x]) => s + x, 0) / points.length, points.reduce((s, [, y]) => s + y, 0) / points.length];
}

/** Even-odd rule; the outline itself is inside. */
function inPolygon(points: readonly Point[], x: number, y: number): boolean {
  let inside = false;
  for (const [i, [ax, ay]] of points.entries()) {
    const [bx, by] = points[(i + 1) % points.length]!;
    const cross = (bx - ax) * (y - ay) - (by - ay) * (x - ax);
    if (cross === 0 && x >= Math.min(ax, bx) && x <= Math.max(ax, bx) && y >= Math.min(ay, by) && y <= Math.max(ay, by)) return true;
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

const onImage = (p: number, scale: number): number => (p + 0.5) * scale - 0.5;

function runsCentre(runs: readonly Run[], [scaleY, scaleX]: readonly [number, number]): Point {
  let [count, sumX, sumY] = [0, 0, 0];
  for (const [row, x0, x1] of runs) {
    const length = x1 - x0 + 1;
    count += length;
    sumX += ((x0 + x1) / 2) * length;
    sumY += row * length;
  }
  return [onImage(sumX / count, scaleX), onImage(sumY / count, scaleY)];
}

function runsEdges(runs: readonly Run[], [scaleY, scaleX]: readonly [number, number]): Edges {
  const [top, bottom] = range(runs.map(([row]) => row));
  const [left, right] = range(runs.flatMap(([, x0, x1]) => [x0, x1]));
  return [onImage(left - 0.5, scaleX), onImage(top - 0.5, scaleY), onImage(right + 0.5, scaleX), onImage(bottom + 0.5, scaleY)];
}

/** Least and greatest; a list may be too long to be passed as arguments. */
function range(values: readonly number[]): [least: number, greatest: number] {
  return values.reduce<[number, number]>(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
}
