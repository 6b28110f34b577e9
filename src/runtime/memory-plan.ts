/** A transient storage as the plan sees it: bytes, and the first and last dispatch that touch it. */
export interface Lifetime {
  readonly sizeBytes: number;
  readonly first: number;
  readonly last: number;
}

export interface MemoryPlan {
  /** Slot of each lifetime, in the order given. */
  readonly slotOf: readonly number[];
  readonly slotBytes: readonly number[];
  /** Sum of the slots: what the program's transient tensors really take. */
  readonly peakBytes: number;
  /** What a buffer for every tensor would take. */
  readonly naiveBytes: number;
  /** Bytes alive at the busiest dispatch: no plan can take less. */
  readonly liveBytes: number;
}

/**
 * Gives every lifetime a slot such that no two that overlap share one. Largest first, into the slot of the closest size that
 * is free for the whole lifetime. One slot = one GPUBuffer: two ranges of a single buffer must not be bound for reading and
 * writing in one dispatch.
 */
export function planMemory(lifetimes: readonly Lifetime[]): MemoryPlan {
  const order = lifetimes.map((_, i) => i).sort((a, b) => size(lifetimes, b) - size(lifetimes, a) || a - b);
  const slots: { sizeBytes: number; taken: Lifetime[] }[] = [];
  const slotOf = new Array<number>(lifetimes.length).fill(-1);
  for (const i of order) {
    const life = lifetimes[i];
    if (!life) continue;
    let best = -1;
    for (const [s, slot] of slots.entries()) {
      const free = slot.taken.every((other) => other.last < life.first || life.last < other.first);
      if (free && (best < 0 || slot.sizeBytes < (slots[best]?.sizeBytes ?? Infinity))) best = s;
    }
    if (best < 0) best = slots.push({ sizeBytes: life.sizeBytes, taken: [] }) - 1;
    slots[best]?.taken.push(life);
    slotOf[i] = best;
  }
  const slotBytes = slots.map((s) => s.sizeBytes);
  const naiveBytes = sum(lifetimes.map((l) => l.sizeBytes));
  return { slotOf, slotBytes, peakBytes: sum(slotBytes), naiveBytes, liveBytes: mostAlive(lifetimes) };
}

/** The sum changes where a tensor begins, and after the last dispatch of one. */
function mostAlive(lifetimes: readonly Lifetime[]): number {
  const changes = new Map<number, number>();
  const change = (at: number, bytes: number): void => void changes.set(at, (changes.get(at) ?? 0) + bytes);
  for (const { first, last, sizeBytes } of lifetimes) {
    change(first, sizeBytes);
    change(last + 1, -sizeBytes);
  }
  let alive = 0;
  let most = 0;
  for (const [, bytes] of [...changes].sort(([a], [b]) => a - b)) most = Math.max(most, (alive += bytes));
  return most;
}

function size(lifetimes: readonly Lifetime[], i: number): number {
  return lifetimes[i]?.sizeBytes ?? 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, v) => total + v, 0);
}
