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
 * Gives every lifetime a slot such that no two that overlap share one. Those alive at the busiest dispatch first, of these the largest
 * first, each into the slot of the closest size that is free for the whole lifetime and, if it can be, large enough ("greedy by breadth", Pisarchyk and Lee 2020,
 * https://arxiv.org/abs/2001.03288). One slot = one GPUBuffer: two ranges of a single buffer must not be bound for reading and
 * writing in one dispatch.
 */
export function planMemory(lifetimes: readonly Lifetime[]): MemoryPlan {
  const alive = bytesAlive(lifetimes);
  const busiest = lifetimes.map(({ first, last }) => most(alive.slice(first, last + 1)));
  const breadth = (i: number): number => busiest[i] ?? 0;
  const order = lifetimes.map((_, i) => i).sort((a, b) => breadth(b) - breadth(a) || size(lifetimes, b) - size(lifetimes, a) || a - b);
  const slots: { readonly index: number; sizeBytes: number; readonly taken: Lifetime[] }[] = [];
  const slotOf = new Array<number>(lifetimes.length).fill(-1);
  for (const i of order) {
    const life = lifetimes[i];
    if (!life) continue;
    const free = slots.filter(({ taken }) => taken.every((other) => other.last < life.first || life.last < other.first));
    let slot = free.sort((a, b) => misfit(a.sizeBytes, life) - misfit(b.sizeBytes, life))[0];
    if (!slot) slots.push((slot = { index: slots.length, sizeBytes: 0, taken: [] }));
    slot.sizeBytes = Math.max(slot.sizeBytes, life.sizeBytes);
    slot.taken.push(life);
    slotOf[i] = slot.index;
  }
  const slotBytes = slots.map((s) => s.sizeBytes);
  const naiveBytes = sum(lifetimes.map((l) => l.sizeBytes));
  return { slotOf, slotBytes, peakBytes: sum(slotBytes), naiveBytes, liveBytes: most(alive) };
}

/** Growing a slot costs memory; too large a slot only keeps others out. */
function misfit(slotBytes: number, { sizeBytes }: Lifetime): number {
  return slotBytes >= sizeBytes ? slotBytes - sizeBytes : 2 ** 43 + sizeBytes - slotBytes;
}

/** Bytes alive at every dispatch up to the last that touches anything. */
function bytesAlive(lifetimes: readonly Lifetime[]): number[] {
  const alive = new Array<number>(lifetimes.reduce((end, { last }) => Math.max(end, last + 1), 0)).fill(0);
  for (const { first, last, sizeBytes } of lifetimes) for (let at = first; at <= last; at++) alive[at] = (alive[at] ?? 0) + sizeBytes;
  return alive;
}

function most(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), 0);
}

function size(lifetimes: readonly Lifetime[], i: number): number {
  return lifetimes[i]?.sizeBytes ?? 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, v) => total + v, 0);
}
