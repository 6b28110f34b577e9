import type { Box } from './candidates.js';

/** What the clustering reads of a finding; coordinates in pixels of the original image. */
export interface ClusterPoint {
  readonly x: number;
  readonly y: number;
  readonly box: Box;
  readonly score: number;
  readonly malignancy: number;
  readonly marked: boolean;
}

export interface Cluster {
  /** Mean position of the members, original px. */
  readonly x: number;
  readonly y: number;
  /** Around the members' boxes, original px. */
  readonly box: Box;
  readonly widthMm: number;
  readonly heightMm: number;
  /** Indices into the list of findings, ascending. */
  readonly members: readonly number[];
  /** Score of the third best member: the highest threshold at which three of the members are still marked. */
  readonly score: number;
  /** Mean malignancy of the members, weighted by their scores. */
  readonly malignancy: number;
}

export interface ClusterRules {
  readonly linkMm: number;
  readonly minMembers: number;
}

/** Single linkage within 10 mm of at least 3 MCs. */
export const CLUSTER_RULES: ClusterRules = { linkMm: 10, minMembers: 3 };

class Forest {
  private readonly parent: Int32Array;

  constructor(count: number) {
    this.parent = Int32Array.from({ length: count }, (_, i) => i);
  }

  find(i: number): number {
    let r = i;
    while (this.parent[r] !== r) r = this.parent[r] ?? r;
    this.parent[i] = r;
    return r;
  }

  join(i: number, j: number): void {
    this.parent[this.find(i)] = this.find(j);
  }
}

interface PointMm {
  readonly x: number;
  readonly y: number;
}

const isWithin = (a: PointMm, b: PointMm, mm: number): boolean => (a.x - b.x) ** 2 + (a.y - b.y) ** 2 <= mm ** 2;

/**
 * Single linkage on a grid whose cells are so small (diagonal = link) that all points of a cell belong together; so only
 * pairs of different cells at most two apart have to be compared, and none once the two are joined.
 */
function link(points: readonly PointMm[], linkMm: number): Forest {
  // A hair below link / sqrt(2), so that rounding never puts two points farther apart than the link into one cell.
  const cell = (linkMm / Math.SQRT2) * (1 - 1e-9);
  const cells = new Map<string, { cx: number; cy: number; indices: number[] }>();
  const forest = new Forest(points.length);
  for (const [i, p] of points.entries()) {
    const [cx, cy] = [Math.floor(p.x / cell), Math.floor(p.y / cell)];
    const here = cells.get(`${cx},${cy}`);
    if (here) {
      forest.join(i, here.indices[0] ?? i);
      here.indices.push(i);
    } else cells.set(`${cx},${cy}`, { cx, cy, indices: [i] });
  }
  for (const { cx, cy, indices } of cells.values())
    for (const [dx, dy] of FORWARD_CELLS) {
      const there = cells.get(`${cx + dx},${cy + dy}`)?.indices ?? [];
      linkCells(points, forest, indices, there, linkMm);
    }
  return forest;
}

/** Half of the cells at most two away; the other half are the forward cells of those. */
const FORWARD_CELLS: readonly (readonly [number, number])[] = [-2, -1, 0, 1, 2].flatMap((dx) =>
  [0, 1, 2].filter((dy) => dy > 0 || dx > 0).map((dy) => [dx, dy] as const),
);

function linkCells(points: readonly PointMm[], forest: Forest, here: readonly number[], there: readonly number[], linkMm: number): void {
  const [first, other] = [here[0], there[0]];
  if (first === undefined || other === undefined || forest.find(first) === forest.find(other)) return;
  for (const i of here)
    for (const j of there) {
      const [a, b] = [points[i], points[j]];
      if (a && b && isWithin(a, b, linkMm)) {
        forest.join(i, j);
        return;
      }
    }
}

/** Single linkage: indices of the points of each group, ascending; a point that is alone is a group of one. */
export function linkedGroups(points: readonly PointMm[], linkMm: number): number[][] {
  const forest = link(points, linkMm);
  const groups = new Map<number, number[]>();
  for (const i of points.keys()) {
    const root = forest.find(i);
    const group = groups.get(root);
    if (group) group.push(i);
    else groups.set(root, [i]);
  }
  return [...groups.values()];
}

function clusterOf(
  findings: readonly ClusterPoint[],
  members: readonly number[],
  spacing: readonly [number, number],
  rank: number,
): Cluster {
  const points = members.map((i) => findings[i]).filter((f) => f !== undefined);
  const sum = (value: (p: ClusterPoint) => number): number => points.reduce((total, p) => total + value(p), 0);
  const box = points.reduce<Box>(
    ([x0, y0, x1, y1], { box: b }) => [Math.min(x0, b[0]), Math.min(y0, b[1]), Math.max(x1, b[2]), Math.max(y1, b[3])],
    [Infinity, Infinity, -Infinity, -Infinity],
  );
  const scores = points.map((p) => p.score).sort((a, b) => b - a);
  const weight = sum((p) => p.score);
  return {
    x: sum((p) => p.x) / points.length,
    y: sum((p) => p.y) / points.length,
    box,
    widthMm: (box[2] - box[0]) * spacing[1],
    heightMm: (box[3] - box[1]) * spacing[0],
    members,
    score: scores[rank - 1] ?? 0,
    malignancy: weight > 0 ? sum((p) => p.score * p.malignancy) / weight : 0,
  };
}

/**
 * Clusters of the marked findings: single linkage, at least `minMembers`; unmarked ones never take part.
 * @param pixelSpacingMm of the grid on which the findings' coordinates lie, [row, column]
 * @returns best score first, then by y, then by x
 */
export function clusterFindings(
  findings: readonly ClusterPoint[],
  pixelSpacingMm: readonly [row: number, column: number],
  rules: ClusterRules = CLUSTER_RULES,
): Cluster[] {
  const marked = findings.flatMap((f, i) => (f.marked ? [i] : []));
  const points = marked.map((i) => ({ x: (findings[i]?.x ?? 0) * pixelSpacingMm[1], y: (findings[i]?.y ?? 0) * pixelSpacingMm[0] }));
  return linkedGroups(points, rules.linkMm)
    .map((group) => group.map((k) => marked[k]!))
    .filter((members) => members.length >= rules.minMembers)
    .map((members) => clusterOf(findings, members, pixelSpacingMm, rules.minMembers))
    .sort((a, b) => b.score - a.score || a.y - b.y || a.x - b.x);
}
