// `mcgpu synth --compare DIR`: synthetic microcalcifications beside real ones, to look at and to measure.
import { join } from 'node:path';
import { cropReflect, type GrayImage } from '../data/image.js';
import { listImages } from '../data/list-images.node.js';
import { normalise } from '../data/normalise.js';
import { atWorkingSpacing } from '../data/preprocess.js';
import { readMammogram } from '../data/read.node.js';
import { writePicture } from '../detect/overlay.node.js';
import { comparisonSvg, valueAt, spotStatistics, type SpotSet, type SpotStatistic } from '../evaluate/spot-comparison.js';
import { measureSpots } from '../evaluate/spots.js';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../files.node.js';
import { Random } from '../random.js';
import type { BackgroundSource } from '../synth/background.js';
import { comparisonSheet } from '../synth/contact-sheet.js';
import type { SynthConfig } from '../synth/priors.js';
import { makeSample } from '../synth/sample.js';

/** Images of each kind on the sheet, and in the statistics. */
const ON_SHEET = 64;
const MEASURED = 256;
const ORDER_STREAM = 0x636d70;

/** Writes comparison.png, statistics.svg and statistics.json; returns lines for people. */
export async function compareWithReal(
  real: string,
  out: string,
  source: BackgroundSource,
  synth: SynthConfig,
  { seed, realSpacingMm }: { seed: number; realSpacingMm: number | undefined },
): Promise<string> {
  const config = { ...synth, positiveFraction: 1 };
  const crops = await realCrops(real, config, seed, realSpacingMm);
  const drawn = Array.from({ length: crops.length }, (_, i) => makeSample(source, config, seed, i).raw);
  await writePicture(join(out, 'comparison.png'), comparisonSheet(crops.slice(0, ON_SHEET), drawn.slice(0, ON_SHEET)));
  const spots = (name: string, images: readonly GrayImage[]): SpotSet => ({
    name,
    images: images.map((image) => measureSpots(normalise(image, config.pixelSpacingMm, config.normalisation), config.pixelSpacingMm)),
  });
  const statistics = spotStatistics(spots('real', crops), spots('synthetic', drawn));
  const names = [`real: ${crops.length} images of ${real}`, `synthetic: ${drawn.length}`] as const;
  await writeFileAtomic(join(out, 'statistics.svg'), comparisonSvg(statistics, names));
  await writeFileAtomic(join(out, 'statistics.json'), `${JSON.stringify({ seed, images: crops.length, statistics }, null, 2)}\n`);
  return [...statistics.map(line), `${join(out, 'comparison.png')}: ${Math.min(ON_SHEET, crops.length)} real, left, and synthetic`].join(
    '\n',
  );
}

function line({ name, values: [real, synthetic] }: SpotStatistic): string {
  const quartiles = (values: readonly number[]): string => [0.25, 0.5, 0.75].map((p) => valueAt(values, p).toFixed(2)).join(' / ');
  return `${name}: quartiles real ${quartiles(real)}, synthetic ${quartiles(synthetic)}`;
}

/** The middles of images drawn from the folder, at the working spacing; those that are smaller than a patch are passed over. */
async function realCrops(folder: string, config: SynthConfig, seed: number, pixelSpacingMm: number | undefined): Promise<GrayImage[]> {
  const random = new Random(seed, ORDER_STREAM);
  const paths = (await listImages([folder])).map((path) => ({ path, key: random.next() })).sort((a, b) => a.key - b.key);
  const crops: GrayImage[] = [];
  for (const { path } of paths) {
    if (crops.length === MEASURED) break;
    const { image } = atWorkingSpacing(await readMammogram(path, { pixelSpacingMm }), config.pixelSpacingMm);
    const { patch } = config;
    if (Math.min(image.width, image.height) < patch) continue;
    crops.push(cropReflect(image, (image.width - patch) >> 1, (image.height - patch) >> 1, patch, patch));
  }
  if (crops.length > 0) return crops;
  throw new UserError(
    `${folder}: no image is as large as a patch (${config.patch} px of ${config.pixelSpacingMm} mm). Use a smaller --set train.patch.`,
  );
}
