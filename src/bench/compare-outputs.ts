import type { NamedArrays } from './runnable.js';

/** Outputs that belong to an operation: its own `y.*`, or all others. */
function belongsTo(op: string, name: string): boolean {
  return name === 'y' ? false : name.startsWith('y.') ? name === `y.${op}` : true;
}

/**
 * Largest difference of two engines' results of an operation, relative to the largest value of the reference: the loss, the logits and all
 * gradients together, each by itself, and of these the worst. Gradients are not taken one by one, since some are zero but for noise.
 * Null where they have no result in common.
 */
export function compareOutputs(op: string, outputs: NamedArrays, reference: NamedArrays): number | null {
  const groups = new Map<string, { difference: number; largest: number }>();
  for (const [name, expected] of reference) {
    const actual = outputs.get(name);
    if (!actual || !belongsTo(op, name)) continue;
    const group = name.split('.')[0] ?? name;
    const before = groups.get(group) ?? { difference: 0, largest: 0 };
    groups.set(group, worst(before, actual.data, expected.data));
  }
  if (groups.size === 0) return null;
  return Math.max(...[...groups.values()].map(({ difference, largest }) => (difference === 0 ? 0 : difference / largest)));
}

function worst(
  { difference, largest }: { difference: number; largest: number },
  actual: Float32Array,
  expected: Float32Array,
): { difference: number; largest: number } {
  if (actual.length !== expected.length) return { difference: Infinity, largest: 1 };
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    if (!(error <= difference)) difference = Number.isNaN(error) ? Infinity : error;
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return { difference, largest };
}
