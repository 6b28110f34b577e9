/** 32-bit finaliser of MurmurHash3: every input bit reaches every output bit. */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * The project's only source of chance: sfc32 (Doty-Humphrey), seeded by (seed, stream...), so that a sample, an
 * initial weight or a dropout mask can be rebuilt from its numbers alone, on any thread and in any order.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;
  private spareNormal: number | undefined;

  private readonly key: readonly number[];

  constructor(seed: number, ...stream: number[]) {
    const key = [seed % 4294967296, Math.floor(seed / 4294967296), ...stream];
    this.key = key;
    this.a = 0x9e3779b9;
    this.b = 0x243f6a88;
    this.c = 0xb7e15162;
    for (const [i, k] of key.entries()) {
      this.a = mix(this.a ^ mix((k >>> 0) + Math.imul(i + 1, 0x9e3779b1)));
      this.b = mix(this.b ^ this.a);
      this.c = mix(this.c ^ this.b);
    }
    for (let i = 0; i < 12; i++) this.bits();
  }

  /** An independent generator that depends only on this one's seed and stream and the given numbers, not on what was drawn. */
  fork(...stream: number[]): Random {
    return new Random(0x5eed, ...this.key, ...stream);
  }

  /** 32 random bits as an unsigned integer. */
  bits(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + t;
    return t >>> 0;
  }

  /** Uniform in [0, 1) with 53 random bits. */
  next(): number {
    return ((this.bits() >>> 5) * 67108864 + (this.bits() >>> 6)) / 9007199254740992;
  }

  uniform(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** Uniform in the logarithm: as many draws between 1 and 2 as between 2 and 4. */
  logUniform(low: number, high: number): number {
    return low * (high / low) ** this.next();
  }

  /** Integer in 0 .. n-1. */
  int(n: number): number {
    return Math.floor(this.next() * n);
  }

  normal(mean = 0, sd = 1): number {
    if (this.spareNormal !== undefined) {
      const spare = this.spareNormal;
      this.spareNormal = undefined;
      return mean + sd * spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    const angle = 2 * Math.PI * this.next();
    this.spareNormal = radius * Math.sin(angle);
    return mean + sd * radius * Math.cos(angle);
  }

  /** Poisson count; lambda up to a few hundred (Knuth's product in steps that do not underflow). */
  poisson(lambda: number): number {
    let count = 0;
    for (let left = lambda; left > 0; left -= 500) {
      const limit = Math.exp(-Math.min(left, 500));
      for (let p = this.next(); p > limit; p *= this.next()) count++;
    }
    return count;
  }

  /** One of `items`, with the given relative weights (all equal without). */
  pick<T>(items: readonly T[], weights?: readonly number[]): T {
    const total = weights ? weights.reduce((sum, w) => sum + w, 0) : items.length;
    let left = this.next() * total;
    for (const [i, item] of items.entries()) {
      left -= weights?.[i] ?? (weights ? 0 : 1);
      if (left < 0) return item;
    }
    const last = items.at(-1);
    if (last === undefined) throw new RangeError('Random.pick: nothing to pick from: the list is empty.');
    return last;
  }
}
