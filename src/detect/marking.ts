// Which findings are marked. A single calcification is seldom worth a mark, a group of them is: what lies in a group is marked at a lower score.
import { UserError } from '../errors.js';
import { linkedGroups } from './clusters.js';

export interface Thresholds {
  /** Findings with at least this score are marked, wherever they lie. */
  readonly threshold: number;
  /** Findings with at least this score are marked where enough of them form a group; at most `threshold`. */
  readonly groupThreshold: number;
}

/** At least three findings, each within 5 mm of another: closer together than what is put into one cluster (CLUSTER_RULES), as chance brings some together within 10. */
export const GROUP = { linkMm: 5, leastMembers: 3 } as const;

export const sameForAll = (threshold: number): Thresholds => ({ threshold, groupThreshold: threshold });

/**
 * Those of a model, unless others are given. A threshold that is given alone is meant for all findings.
 * @throws UserError where the one for groups is the higher one
 */
export function chosenThresholds(
  model: { readonly threshold: number; readonly groupThreshold?: number | undefined },
  given: { readonly threshold?: number | undefined; readonly groupThreshold?: number | undefined },
): Thresholds {
  const threshold = given.threshold ?? model.threshold;
  const groupThreshold = given.groupThreshold ?? (given.threshold === undefined ? (model.groupThreshold ?? threshold) : threshold);
  if (groupThreshold > threshold)
    throw new UserError(
      `The threshold of findings in groups is ${groupThreshold}, expected at most that of single ones, ${threshold}. Give a lower --group-threshold, or a higher --threshold.`,
    );
  return { threshold, groupThreshold };
}

interface Scored {
  readonly x: number;
  readonly y: number;
  readonly score: number;
}

/**
 * Per finding: whether it is marked.
 * @param pixelSpacingMm of the grid on which the findings' coordinates lie, [row, column]
 */
export function markedOf(
  findings: readonly Scored[],
  [row, column]: readonly [row: number, column: number],
  { threshold, groupThreshold }: Thresholds,
): boolean[] {
  const marked = findings.map(({ score }) => score >= threshold);
  if (groupThreshold >= threshold) return marked;
  const likely = findings.flatMap(({ score }, i) => (score >= groupThreshold ? [i] : []));
  const places = likely.map((i) => ({ x: findings[i]!.x * column, y: findings[i]!.y * row }));
  for (const group of linkedGroups(places, GROUP.linkMm))
    if (group.length >= GROUP.leastMembers) for (const k of group) marked[likely[k]!] = true;
  return marked;
}

/** `threshold 0.95, in groups 0.8` */
export function describeThresholds({ threshold, groupThreshold }: Thresholds): string {
  return `threshold ${threshold}${groupThreshold < threshold ? `, in groups ${groupThreshold}` : ''}`;
}
