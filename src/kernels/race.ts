/** How candidates did against each other. */
export interface RaceResult {
  /** Median of each candidate's runs, in the unit of the samples. */
  readonly median: ReadonlyMap<string, number>;
  readonly winner: string;
}

/** Runs a candidate once, and says how long it took. */
export type Sample = (name: string) => Promise<number>;

/** After so many rounds, candidates whose best run is this much slower than the best of all leave. */
const TRIAL_ROUNDS = 3;
const HOPELESS = 1.3;
/** What replaces the usual candidate must be this much faster: less may be noise, and costs another pipeline. */
const WORTH_IT = 0.9;

/**
 * Which candidate is the fastest; the first name is the usual one. The fastest of a race of all must then beat the usual one in a longer
 * race of the two: of many candidates, one is always the luckiest.
 */
export async function race(names: readonly string[], sample: Sample, rounds = 9): Promise<RaceResult> {
  const [usual = ''] = names;
  const times = await heat(names, sample, rounds);
  const fastest = [...times.keys()].reduce(
    (best, name) => (slowness(name, usual, times) < slowness(best, usual, times) ? name : best),
    usual,
  );
  const median = new Map([...times].map(([name, all]) => [name, middle(all)]));
  if (fastest === usual) return { median, winner: usual };
  const duel = await heat([usual, fastest], sample, 2 * rounds);
  for (const [name, all] of duel) median.set(name, middle(all));
  return { median, winner: slowness(fastest, usual, duel) < WORTH_IT ? fastest : usual };
}

type Times = ReadonlyMap<string, number[]>;

/** All candidates in turn, each round beginning with another one; hopeless ones leave, the first never does. */
async function heat(names: readonly string[], sample: Sample, rounds: number): Promise<Times> {
  const times = new Map(names.map((name): [string, number[]] => [name, []]));
  let running = names;
  for (let round = 0; round < rounds; round++) {
    const shift = round % running.length;
    for (const name of [...running.slice(shift), ...running.slice(0, shift)]) times.get(name)?.push(await sample(name));
    if (round + 1 < TRIAL_ROUNDS) continue;
    const best = Math.min(...[...times.values()].flat());
    running = running.filter((name) => name === names[0] || Math.min(...(times.get(name) ?? [])) <= HOPELESS * best);
    if (running.length === 1) break;
  }
  return times;
}

/**
 * Time over that of the usual candidate: the larger of two estimates, so that neither a disturbed round nor a lucky one decides. Rounds are
 * compared one by one, since whatever else the machine does meets all of a round alike.
 */
function slowness(name: string, usual: string, times: Times): number {
  const [own, others] = [times.get(name) ?? [], times.get(usual) ?? []];
  if (own.length < others.length) return Infinity; // it left
  return Math.max(middle(own.map((t, round) => t / (others[round] ?? NaN))), Math.min(...own) / Math.min(...others));
}

function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}
