import { describe, expect, it } from 'vitest';
import { exportTuning, importTuning, parseTuning, Tuning, tuningId, tuningKey, type Ask } from '../../src/runtime/tuning.js';

const shape = { images: 4, inChannels: 8, outChannels: 16, height: 128, width: 128 };
const ask: Ask = { op: 'conv', shape };
const here = { adapter: 'llvmpipe', driver: 'Mesa 25', wgsl: 'abc' };
const isKnown = (_: string, choice: string): boolean => choice !== 'gone';

describe('a tuning table', () => {
  it('without an entry gives the first candidate, and keeps in mind what was asked for', () => {
    const tuning = new Tuning();
    expect(tuning.choose(ask, ['usual', 'other'])).toBe('usual');
    expect([...tuning.asked]).toEqual([[tuningKey(ask), ask]]);
  });

  it('gives the entry, and the first candidate where the entry cannot run', () => {
    const tuning = new Tuning(new Map([[tuningKey(ask), 'other']]));
    expect(tuning.choose(ask, ['usual', 'other'])).toBe('other');
    expect(tuning.choose(ask, ['usual', 'third'])).toBe('usual');
  });

  it('tells channels and ops apart, and sizes by the nearest power of two of their pixels', () => {
    const key = (change: Partial<typeof shape>): string => tuningKey({ op: 'conv', shape: { ...shape, ...change } });
    expect(key({})).toBe('conv 8->16 65536px f32');
    expect(key({ images: 1, height: 250, width: 250 })).toBe(key({}));
    expect(key({ height: 256 })).not.toBe(key({}));
    expect(key({ inChannels: 9 })).not.toBe(key({}));
    expect(tuningKey({ op: 'pool', shape })).not.toBe(key({}));
  });

  it('has the same name as an equal one, whatever the order of its entries, and none when empty', async () => {
    const [a, b, c] = [['x', '1'], ['y', '2'], ['y', '3']] as const; // prettier-ignore
    const name = async (...entries: (readonly [string, string])[]): Promise<string | null> => tuningId(new Tuning(new Map(entries)));
    expect(await name(a, b)).toBe(await name(b, a));
    expect(await name(a, b)).not.toBe(await name(a, c));
    expect(await name(a, b)).toMatch(/^[0-9a-f]{16} \(2 choices\)$/);
    expect(await name()).toBeNull();
  });
});

describe('a tuning file', () => {
  const tuning = new Tuning(new Map([['b', 'other'], ['a', 'usual']])); // prettier-ignore
  const stored = exportTuning(tuning, here);

  it('comes back as the table that was written, and is the same text for the same table', () => {
    const read = parseTuning(JSON.stringify(stored), 'tuning.json');
    const { tuning: again, warnings } = importTuning({ stored: read, name: 'tuning.json' }, here, isKnown);
    expect(new Map(again.choices)).toEqual(new Map(tuning.choices));
    expect(warnings).toEqual([]);
    expect(Object.keys(stored.choices)).toEqual(['a', 'b']);
  });

  it.each([
    [
      'adapter',
      { adapter: 'SwiftShader' },
      /^t\.json is ignored: it was measured on another adapter, "SwiftShader", here it is "llvmpipe"\.$/,
    ],
    ['driver', { driver: 'Mesa 24' }, /another driver, "Mesa 24", here it is "Mesa 25"/],
    ['WGSL', { wgsl: 'def' }, /other kernels \(hash of their WGSL\), "def", here it is "abc"/],
  ])('of another %s is ignored with one line that names both', (_, change, line) => {
    const { tuning: nothing, warnings } = importTuning({ stored: { ...stored, ...change }, name: 't.json' }, here, isKnown);
    expect(nothing.choices.size).toBe(0);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(line);
  });

  it('with unknown candidates loses these alone, with one line', () => {
    const table = { ...stored, choices: { a: 'usual', b: 'gone', c: 'gone' } };
    const { tuning: rest, warnings } = importTuning({ stored: table, name: 't.json' }, here, isKnown);
    expect([...rest.choices]).toEqual([['a', 'usual']]);
    expect(warnings).toEqual(['t.json: ignored what this version has no candidates for: b: "gone"; c: "gone".']);
  });

  it.each([
    ['no JSON', '{', /^t\.json: not JSON.*bench --tune/],
    ['no table', '[]', /^t\.json: not a table of kernel choices: .*bench --tune/],
    ['of a later schema', JSON.stringify({ ...stored, schema: 'mcgpu.tuning/2' }), /at schema: /],
    ['with a choice that is no name', JSON.stringify({ ...stored, choices: { a: 1 } }), /at choices\.a: /],
  ])('that is %s is refused with the repair', (_, text, message) => {
    expect(() => parseTuning(text, 't.json')).toThrow(message);
  });
});
