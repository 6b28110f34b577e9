import { describe, expect, test } from 'vitest';
import { chosenThresholds, describeThresholds, markedOf, sameForAll } from '../../src/detect/marking.js';

const SPACING = [0.1, 0.1] as const;
const THRESHOLDS = { threshold: 0.9, groupThreshold: 0.6 };
const at = (x: number, y: number, score: number) => ({ x, y, score });

describe('marks', () => {
  test('a single finding needs the higher threshold', () => {
    expect(markedOf([at(0, 0, 0.9), at(500, 0, 0.89), at(0, 500, 0.6)], SPACING, THRESHOLDS)).toEqual([true, false, false]);
  });

  test('three within 5 mm of each other, in a chain, are marked from the lower one on; what is below takes no part', () => {
    const chain = [at(0, 0, 0.6), at(50, 0, 0.7), at(100, 0, 0.6)];
    expect(markedOf(chain, SPACING, THRESHOLDS)).toEqual([true, true, true]);
    expect(markedOf(chain.slice(0, 2), SPACING, THRESHOLDS)).toEqual([false, false]);
    const broken = [at(0, 0, 0.6), at(50, 0, 0.59), at(100, 0, 0.6), at(100, 40, 0.95)];
    expect(markedOf(broken, SPACING, THRESHOLDS)).toEqual([false, false, false, true]);
    expect(markedOf([at(0, 0, 0.6), at(51, 0, 0.7), at(102, 0, 0.6)], SPACING, THRESHOLDS)).toEqual([false, false, false]);
  });

  test('a finding above both thresholds helps to make a group', () => {
    expect(markedOf([at(0, 0, 0.95), at(20, 0, 0.7), at(0, 20, 0.65)], SPACING, THRESHOLDS)).toEqual([true, true, true]);
  });

  test('distances are millimetres along each axis', () => {
    const column = [at(0, 0, 0.7), at(0, 40, 0.7), at(0, 80, 0.7)];
    expect(markedOf(column, [0.2, 0.1], THRESHOLDS)).toEqual([false, false, false]);
    expect(markedOf(column, [0.1, 0.2], THRESHOLDS)).toEqual([true, true, true]);
  });

  test('equal thresholds look at no groups', () => {
    expect(markedOf([at(0, 0, 0.6), at(1, 0, 0.6), at(2, 0, 0.59)], SPACING, sameForAll(0.6))).toEqual([true, true, false]);
  });
});

describe('the thresholds', () => {
  const model = { threshold: 0.9, groupThreshold: 0.6 };

  test('are those of the model; of a model without one for groups, the same for all', () => {
    expect(chosenThresholds(model, {})).toEqual(model);
    expect(chosenThresholds({ threshold: 0.9 }, {})).toEqual(sameForAll(0.9));
  });

  test('one that is given alone is meant for all findings; that for groups changes nothing else', () => {
    expect(chosenThresholds(model, { threshold: 0.95 })).toEqual(sameForAll(0.95));
    expect(chosenThresholds(model, { groupThreshold: 0.7 })).toEqual({ threshold: 0.9, groupThreshold: 0.7 });
    expect(chosenThresholds(model, { threshold: 0.8, groupThreshold: 0.7 })).toEqual({ threshold: 0.8, groupThreshold: 0.7 });
  });

  test('in groups it cannot be the higher one', () => {
    expect(() => chosenThresholds(model, { groupThreshold: 0.95 })).toThrow(/in groups is 0.95, expected at most .* 0.9/);
  });

  test('are told together', () => {
    expect(describeThresholds(model)).toBe('threshold 0.9, in groups 0.6');
    expect(describeThresholds(sameForAll(0.5))).toBe('threshold 0.5');
  });
});
