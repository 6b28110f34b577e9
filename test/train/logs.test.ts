import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { metricLine, parseMetrics, type MetricRow } from '../../src/train/logs.js';
import { RunLogs, type LogPaths } from '../../src/train/logs.node.js';
import { parseEvents, type ParsedEvent } from '../support/tensorboard.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'mcgpu-logs-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const pathsIn = (run: string): LogPaths => {
  const at = (name: string): string => join(folder, `${run}-${name}`);
  return { metrics: at('metrics.ndjson'), results: at('results.csv'), tensorboard: at('tensorboard'), progress: at('progress.svg') };
};

/** Steps `from` .. `to` of a run that validates every 4 steps. */
async function log(logs: RunLogs, from: number, to: number): Promise<void> {
  for (let step = from; step <= to; step++) {
    logs.train(step, { loss: 1 / step, learningRate: 0.1 * step });
    if (step % 4 === 0) await logs.validation(step, { loss: 2 / step, dice: 1 - 1 / step });
  }
}

const readEvents = (paths: LogPaths): ParsedEvent[] => {
  const files = readdirSync(paths.tensorboard);
  expect(files).toHaveLength(1);
  return parseEvents(readFileSync(join(paths.tensorboard, files[0] ?? '')));
};
const withoutTimes = (paths: LogPaths): unknown => ({
  metrics: parseMetrics(readFileSync(paths.metrics, 'utf8'), Infinity, 'm').map((row) => ({ ...row, time: 0 })),
  results: readFileSync(paths.results, 'utf8'),
  progress: readFileSync(paths.progress, 'utf8'),
  events: readEvents(paths).map((event) => ({ ...event, time: 0 })),
});

describe('the logs of a run', () => {
  it('hold every row, a table line per validation with means since the one before, and the same in tensorboard', async () => {
    const paths = pathsIn('a');
    const logs = await RunLogs.open(paths, 'a run', null);
    await log(logs, 1, 8);
    await logs.close();
    const lines = readFileSync(paths.metrics, 'utf8').split('\n');
    expect(lines).toHaveLength(8 + 2 + 1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({ step: 1, phase: 'train', time: expect.any(Number) as number, loss: 1, learningRate: 0.1 });
    const [head, first, ...rest] = readFileSync(paths.results, 'utf8').trim().split('\n');
    expect(head).toBe('step,train/loss,train/learningRate,validation/loss,validation/dice');
    expect(first?.split(',').map(Number)).toEqual([4, expect.closeTo(25 / 48, 12), expect.closeTo(0.25, 12), 0.5, 0.75]);
    expect(rest).toHaveLength(1);
    const events = readEvents(paths);
    expect(events[0]?.version).toBe('brain.Event:2');
    expect(events[5]).toMatchObject({ step: 4, scalars: { 'validation/loss': 0.5, 'validation/dice': 0.75 } });
    expect(readFileSync(paths.progress, 'utf8')).toMatch(/^<svg [^]*a run[^]*Research use only - not a medical device[^]*<\/svg>\n$/);
  });

  // 6 is between two validations: the means of the next table line reach back over the interruption.
  it.each([4, 6])(
    'after a crash at step 11 and a resume from the checkpoint at %d are those of an uninterrupted run',
    async (checkpoint) => {
      const whole = pathsIn('whole');
      const interrupted = pathsIn('interrupted');
      const logs = await RunLogs.open(whole, 'run', null);
      await log(logs, 1, 16);
      await logs.close();
      await log(await RunLogs.open(interrupted, 'run', null), 1, 11); // never closed
      appendFileSync(interrupted.metrics, '{"step":12,"ph'); // torn line
      const resumed = await RunLogs.open(interrupted, 'run', checkpoint);
      await log(resumed, checkpoint + 1, 16);
      await resumed.close();
      expect(withoutTimes(interrupted)).toEqual(withoutTimes(whole));
    },
  );

  it('begin anew without a step to resume from, also in tensorboard', async () => {
    const paths = pathsIn('a');
    await log(await RunLogs.open(paths, 'run', null), 1, 4);
    const logs = await RunLogs.open(paths, 'run', null);
    await logs.close();
    expect(readFileSync(paths.metrics, 'utf8')).toBe('');
    expect(readEvents(paths)).toHaveLength(1);
  });

  it('that were edited by hand are refused with line and repair', async () => {
    const paths = pathsIn('a');
    await (await RunLogs.open(paths, 'run', null)).close();
    writeFileSync(paths.metrics, '{"step":1,"phase":"train","time":1}\nhello\n');
    await expect(RunLogs.open(paths, 'run', 5)).rejects.toThrow(/metrics\.ndjson: line 2 is not a row of metrics\. Remove the line/);
  });
});

describe('metricLine', () => {
  it('keeps numbers exactly and writes what is no number as null', () => {
    const row: MetricRow = { step: 3, phase: 'train', time: 1.25, values: { loss: 0.1 + 0.2, norm: NaN } };
    expect(metricLine(row)).toBe('{"step":3,"phase":"train","time":1.25,"loss":0.30000000000000004,"norm":null}\n');
    expect(parseMetrics(metricLine(row), 3, 'm')).toEqual([row]);
    expect(parseMetrics(metricLine(row), 2, 'm')).toEqual([]);
  });
});
