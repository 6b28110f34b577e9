// `mcgpu synth --leak-test`: whether the generator betrays itself on held-back backgrounds.
import { openNodeDevice } from '../runtime/gpu.node.js';
import { LEAST_PLANTED_AUC, MOST_AUC, testLeaks, type LeakFigure, type LeakReport } from '../train/leak-test.js';
import { backgroundsOf, type SampleSetup, type TrainingData } from '../train/training-data.node.js';

/** Some minutes on two cores. */
const BUDGET = { trainPairs: 700, testPairs: 270, steps: 1000 };

/** Prints the figures; exit code 1 where the generator, or the test itself, fails. */
export async function runLeakTest(data: TrainingData, seed: number, adapter: string | undefined): Promise<LeakReport> {
  const { train, validation } = data;
  const device = await openNodeDevice(adapter === undefined ? {} : { adapter });
  try {
    const report = await testLeaks(device, train.synth, backgroundsOf(train), oneByOne(validation), { seed, ...BUDGET });
    process.stdout.write(`${describe(report)}\n`);
    if (!report.passed) process.exitCode = 1;
    return report;
  } finally {
    device.destroy();
  }
}

/** Every image as a source of its own; phantoms are all of one kind. */
function oneByOne(setup: SampleSetup): ReturnType<typeof backgroundsOf>[] {
  return (setup.images ?? [null]).map((image) => backgroundsOf({ ...setup, images: image && [image] }));
}

function describe({ generator, planted, passed, ...report }: LeakReport): string {
  const figure = ({ auc, interval, withinPairs }: LeakFigure): string =>
    `AUC ${auc.toFixed(3)} (95 % ${interval.map((v) => v.toFixed(3)).join(' to ')}), within pairs ${withinPairs.toFixed(3)}`;
  return [
    `A classifier saw ${report.trainPairs} pairs of patches, with and without calcifications, covered with 3 px around them in both;`,
    `${report.testPairs} pairs of ${report.testBackgrounds} held-back backgrounds, ${report.steps} steps, seed ${report.seed}:`,
    `generator     ${figure(generator)}; expected at most ${MOST_AUC}`,
    `planted leak  ${figure(planted)}; expected at least ${LEAST_PLANTED_AUC}`,
    passed ? 'passed' : 'FAILED',
  ].join('\n');
}
