import { join } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { NOTICE } from '../detect/findings.js';
import { runDemo, type DemoFigures, type DemoResult } from '../train/demo.node.js';
import { adapterOf } from './adapter-option.js';
import { parseCount } from './values.js';

interface DemoCommandOptions {
  readonly out: string;
  readonly seeds: readonly number[];
  readonly steps?: number;
  readonly short?: boolean;
  readonly quiet?: boolean;
}

/** Enough to walk the whole path; too little to learn anything. For CI. */
const SHORT = { steps: 12, validation: 8, test: 16 };

/** `mcgpu demo`: trains on generated phantoms, detects on phantoms it never saw, prints the figures, writes overlays and the curve. */
export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description('the whole job on generated phantoms: train from nothing, detect, print figures, write overlays and a training curve')
    .option('--out <dir>', 'folder for the results', 'runs/demo')
    .option('--seeds <list>', 'one training per seed, e.g. 1,2,3', parseSeeds, [1])
    .option('--steps <n>', 'training steps', parseCount)
    .option('--short', 'walk the whole path in seconds; nothing is learnt')
    .option('--quiet', 'print only the figures')
    .addHelpText('after', `\n${NOTICE}`)
    .action(async ({ out, seeds, steps, short, quiet }: DemoCommandOptions, command: Command) => {
      const sizes = short ? SHORT : { steps };
      const results = await runDemo({ out, seeds, adapter: adapterOf(command).adapter, quiet, ...sizes });
      process.stdout.write(report(results, out));
    });
}

function parseSeeds(text: string): number[] {
  const seeds = text.split(',').map(Number);
  if (seeds.some((s) => !Number.isSafeInteger(s) || s < 0))
    throw new InvalidArgumentError(`'${text}' is not a list of whole numbers such as 1,2,3.`);
  return seeds;
}

function report(results: readonly DemoResult[], out: string): string {
  const line = (name: string, { sensitivity, falsePositivesPerPatch, sensitivityAtHalf }: DemoFigures): string =>
    `${name.padEnd(23)} sensitivity ${sensitivity.toFixed(3)} at ${falsePositivesPerPatch.toFixed(2)} false positives per patch (${sensitivityAtHalf.toFixed(3)} at 0.5)`;
  const rows = results.map(
    (r) =>
      `${line(`network, seed ${r.seed}`, r.network)} (trained in ${r.trainingS.toFixed(0)} s, ${(100 * r.waitedForData).toFixed(1)} % waiting for data)`,
  );
  const [first] = results;
  if (first) rows.push(line('difference of Gaussians', first.differenceOfGaussians));
  if (results.length > 1) {
    const sorted = results.map((r) => r.network.sensitivity).sort((a, b) => a - b);
    rows.push(`median sensitivity of ${results.length} seeds: ${(sorted[Math.floor(sorted.length / 2)] ?? NaN).toFixed(3)}`);
  }
  const files = `overlays: ${join(out, 'phantom-0-overlay.png')} ...; training curve: ${join(out, `seed-${first?.seed ?? 1}`, 'progress.svg')}; ${join(out, 'demo.json')}`;
  return `\n${rows.join('\n')}\n${files}\nFigures on generated phantoms are no clinical performance. ${NOTICE}\n`;
}
