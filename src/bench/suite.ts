import { UserError } from '../errors.js';
import { CORRECT_WORKLOADS } from './correct.js';
import { kernelOperations } from './kernel-cases.js';
import { seededInputs } from './inputs.js';
import { operationsOf } from './operations.js';
import type { NamedArrays, Operation } from './runnable.js';
import { SCALING_WORKLOADS } from './scaling.js';
import { WORKLOADS, type Workload } from './workloads.js';

/** One line of a run: an operation with the inputs of its workload, which are drawn when they are first needed. */
export interface Entry {
  readonly workload: string;
  readonly operation: Operation;
  readonly inputs: () => NamedArrays;
}

/** Groups that measure operations; the others (correct, memory, data, peers) have figures of their own. */
const GROUP_WORKLOADS = {
  default: ['M', 'T', 'I'],
  train: ['T', 'C-T'],
  infer: ['I', 'C-I'],
  all: ['M', 'T', 'TL', 'I', 'IL', 'C-T', 'C-I', 'C-full'],
} as const satisfies Record<string, readonly string[]>;

export const GROUPS = ['kernels', 'train', 'infer', 'scaling', 'correct', 'memory', 'data', 'peers', 'all'] as const;
export type Group = (typeof GROUPS)[number];

/** Of `bench --tune` without a workload or group: every op of the networks, forward and backward. */
export const TUNED_BY_DEFAULT = ['T', 'C-T', 'C-I'];

/** @throws UserError with the list of workloads */
export function findWorkload(name: string): Workload {
  const found = [...WORKLOADS, ...CORRECT_WORKLOADS].find((w) => w.name === name);
  if (found) return found;
  throw new UserError(`There is no workload "${name}". Give one of these to --workload:\n${describeWorkloads()}`);
}

export function describeWorkloads(): string {
  return [...WORKLOADS, ...CORRECT_WORKLOADS].map((w) => `  ${w.name.padEnd(7)} ${w.summary}`).join('\n');
}

/** @throws UserError with the list of groups */
export function findGroup(name: string): Group {
  const found = GROUPS.find((group) => group === name);
  if (found) return found;
  throw new UserError(`There is no group "${name}" of benchmarks. Give one of ${GROUPS.join(', ')}, or none for a short set.`);
}

/** The operations of a workload; `inputs` stand in for the seeded ones. */
export function entriesOf(workload: Workload, inputs?: NamedArrays): Entry[] {
  let drawn = inputs;
  return operationsOf(workload).map((operation) => ({
    workload: workload.name,
    operation,
    inputs: () => (drawn ??= seededInputs(workload)),
  }));
}

/** What a group measures, in order; null is the short set. Groups without operations have none. */
export function groupEntries(group: Group | null): Entry[] {
  const names = GROUP_WORKLOADS[(group ?? 'default') as keyof typeof GROUP_WORKLOADS] as readonly string[] | undefined;
  const kernels = group === 'kernels' || group === 'all' ? kernelOperations() : [];
  return [
    ...kernels.map((operation) => ({ workload: 'kernels', operation, inputs: () => new Map() })),
    ...(names ?? []).flatMap((name) => entriesOf(findWorkload(name))),
    ...(group === 'scaling' ? SCALING_WORKLOADS.flatMap((workload) => entriesOf(workload)) : []),
  ];
}

/**
 * The entries whose "WORKLOAD OPERATION" matches; without a filter all but the plain oracles, which are slow and never run in a step.
 * @throws UserError for a bad expression, and with the list of entries where none matches
 */
export function filterEntries(entries: readonly Entry[], filter: string | undefined): Entry[] {
  const title = ({ workload, operation }: Entry): string => `${workload} ${operation.name}`;
  if (filter === undefined) return entries.filter((entry) => !/\bplain\b/.test(title(entry)));
  const expression = parseFilter(filter);
  const found = entries.filter((entry) => expression.test(title(entry)));
  if (found.length > 0) return found;
  throw new UserError(`No benchmark matches --filter "${filter}". There are:\n${entries.map((e) => `  ${title(e)}`).join('\n')}`);
}

function parseFilter(filter: string): RegExp {
  try {
    return new RegExp(filter);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UserError(`--filter "${filter}" is not a regular expression (${why}). Escape special characters with a backslash.`);
  }
}
