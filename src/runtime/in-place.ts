import type { Dispatch } from './recorder.js';
import type { Storage } from './storage.js';

/**
 * How a dispatch may write a result over something that it reads element by element and nothing reads later: one tensor less is alive.
 * A buffer cannot be bound for reading and for writing at once, so the shader takes its operand from the result's binding.
 */
export interface InPlace {
  /** Binding of the operand and of the result, which must be of equal layout. */
  readonly operand: string;
  readonly result: string;
  /** Override that is 1 in place; then the operand's binding is not read and takes what this binding has. */
  readonly override: string;
  readonly idle: string;
}

/** The dispatches with every result in place for which that is allowed: both are transient, of one size, and the operand is read for the last time. */
export function placed(dispatches: readonly Dispatch[], kept: ReadonlySet<Storage>): Dispatch[] {
  const { first, last } = firstAndLastUse(dispatches);
  const moved = new Map<Storage, Storage>();
  return dispatches.map((d, i) => {
    const now = redirected(d, moved);
    if (!d.inPlace) return now;
    const { operand, result, override, idle } = d.inPlace;
    const [over, from, onto, stand] = [d.buffers[operand], now.buffers[operand], d.buffers[result], now.buffers[idle]];
    if (!over || !from || !onto || !stand) throw new Error(`${d.shader.name}: no buffer for ${operand}, ${result} or ${idle}.`);
    const transient = [over, onto].every(({ storage }) => !storage.persistent && !kept.has(storage));
    const whole = [over, onto].every((ref) => ref.offsetBytes === 0 && ref.sizeBytes === ref.storage.sizeBytes);
    const bound = Object.values(d.buffers).filter(({ storage }) => storage === over.storage).length;
    const ends = last.get(over.storage) === i && first.get(onto.storage) === i;
    if (!transient || !whole || !ends || bound !== 1 || over.sizeBytes !== onto.sizeBytes) return now;
    moved.set(onto.storage, from.storage);
    return { ...now, buffers: { ...now.buffers, [operand]: stand, [result]: from }, overrides: { ...now.overrides, [override]: 1 } };
  });
}

function firstAndLastUse(dispatches: readonly Dispatch[]): { first: Map<Storage, number>; last: Map<Storage, number> } {
  const [first, last] = [new Map<Storage, number>(), new Map<Storage, number>()];
  for (const [i, { buffers }] of dispatches.entries()) {
    for (const { storage } of Object.values(buffers)) {
      if (!first.has(storage)) first.set(storage, i);
      last.set(storage, i);
    }
  }
  return { first, last };
}

function redirected(d: Dispatch, moved: ReadonlyMap<Storage, Storage>): Dispatch {
  if (!Object.values(d.buffers).some(({ storage }) => moved.has(storage))) return d;
  const buffers = Object.fromEntries(
    Object.entries(d.buffers).map(([name, ref]) => [name, { ...ref, storage: moved.get(ref.storage) ?? ref.storage }]),
  );
  return { ...d, buffers };
}
