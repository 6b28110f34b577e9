import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ConsoleProgress, formatDuration } from '../../src/train/progress-console.node.js';

const capture = (isTTY: boolean): { output: Writable & { isTTY?: boolean }; text: () => string } => {
  const chunks: string[] = [];
  const output: Writable & { isTTY?: boolean } = new Writable({
    write: (chunk, _, done) => {
      chunks.push(String(chunk));
      done();
    },
  });
  if (isTTY) Object.assign(output, { isTTY, clearLine: () => true, cursorTo: () => true, moveCursor: () => true, columns: 120 });
  return { output, text: () => chunks.join('') };
};

describe('ConsoleProgress', () => {
  it('without a terminal prints a plain line every few seconds, and the last step', () => {
    const { output, text } = capture(false);
    let time = 0;
    const progress = new ConsoleProgress({ total: 100, output, everyS: 5, now: () => time });
    for (let step = 1; step <= 100; step++) {
      time = step / 10; // ten steps a second
      progress.update(step, 1 / step);
    }
    progress.note('saved');
    progress.stop();
    expect(text()).toBe(
      'step 50/100 | 10.0 steps/s | 5 s left | loss 0.02000\nstep 100/100 | 10.0 steps/s | 0 s left | loss 0.01000\nsaved\n',
    );
  });

  it('counts only the steps of this start after a resume, and forgets a slow start', () => {
    const { output, text } = capture(false);
    let time = 0;
    const progress = new ConsoleProgress({ total: 2000, first: 1000, output, everyS: 0, now: () => time });
    for (let step = 1001; step <= 1500; step++) {
      time += step <= 1100 ? 1 : 0.1;
      progress.update(step, 1);
    }
    const lines = text().trim().split('\n');
    expect(lines[49]).toBe('step 1050/2000 | 1.00 steps/s | 16 min left | loss 1.000');
    expect(lines.at(-1)).toBe('step 1500/2000 | 10.0 steps/s | 50 s left | loss 1.000');
  });

  it('on a terminal draws a bar with rate and loss', () => {
    const { output, text } = capture(true);
    let time = 0;
    const progress = new ConsoleProgress({ total: 10, output, now: () => time });
    time = 1;
    progress.update(5, 0.25);
    progress.stop();
    expect(text()).toMatch(/5\/10 steps \| 5\.00 steps\/s \| 1 s left \| loss 0\.2500/);
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0 s'],
    [89.4, '89 s'],
    [600, '10 min'],
    [11_100, '3 h 05 min'],
  ])('%d s is %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});
