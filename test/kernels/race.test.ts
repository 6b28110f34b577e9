import { describe, expect, it } from 'vitest';
import { race } from '../../src/kernels/race.js';
import { Random } from '../../src/random.js';

/** A machine on which every candidate takes its time, longer by `disturbance` of the how-manieth sample. */
function machine(ms: Readonly<Record<string, number>>, disturbance: (sample: number) => number = () => 1) {
  const runs = new Map<string, number>();
  let samples = 0;
  const sample = (name: string): Promise<number> => {
    runs.set(name, (runs.get(name) ?? 0) + 1);
    return Promise.resolve((ms[name] ?? NaN) * disturbance(samples++));
  };
  return { names: Object.keys(ms), sample, runs };
}

describe('race', () => {
  it('finds the fastest, and says what each took', async () => {
    const { names, sample } = machine({ usual: 4, slow: 5, fast: 3 });
    const { winner, median } = await race(names, sample);
    expect(winner).toBe('fast');
    expect(Object.fromEntries(median)).toEqual({ usual: 4, slow: 5, fast: 3 });
  });

  it('keeps the usual candidate where another is hardly faster', async () => {
    const { names, sample } = machine({ usual: 4, other: 3.9 });
    expect((await race(names, sample)).winner).toBe('usual');
  });

  it('soon stops to run what is far behind, but never the usual candidate', async () => {
    const { names, sample, runs } = machine({ usual: 20, fast: 3, slow: 30 });
    expect((await race(names, sample)).winner).toBe('fast');
    expect(runs.get('slow')).toBeLessThan(runs.get('fast')! / 2);
  });

  it('runs a single candidate too, to tell its time', async () => {
    const { names, sample } = machine({ usual: 4 });
    expect(await race(names, sample)).toEqual({ winner: 'usual', median: new Map([['usual', 4]]) });
  });

  it('is not led astray by a machine whose speed comes and goes: among equals the usual one stays, a faster one wins', async () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = new Random(seed);
      // Others take up to half of the machine for a dozen samples at a time, and now and then a sample is held up.
      const load = Array.from({ length: 100 }, () => 1 + random.next());
      const disturbance = (i: number): number =>
        load[Math.floor(i / 12) % 100]! * (1 + 0.02 * random.next()) * (random.next() < 0.1 ? 3 : 1);
      const equal = machine({ usual: 4, a: 4, b: 4, c: 4, d: 4, e: 4 }, disturbance);
      expect((await race(equal.names, equal.sample)).winner, `seed ${seed}`).toBe('usual');
      const better = machine({ usual: 4, a: 4, b: 3, c: 4 }, disturbance);
      expect((await race(better.names, better.sample)).winner, `seed ${seed}`).toBe('b');
    }
  });
});
