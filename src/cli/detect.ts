import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { SEGMENTATION_CHANNELS } from '../data/classes.js';
import type { Mammogram } from '../data/mammogram.js';
import { listImages } from '../data/list-images.node.js';
import { readMammogram } from '../data/read.node.js';
import { Detector, MIN_SCORE, type DetectedMammogram } from '../detect/detector.js';
import { buildFindings, NOTICE, type Failure, type ImageFindings } from '../detect/findings.js';
import { outputNames, writeFindings, type OutputNames } from '../detect/findings.node.js';
import { mapOnOriginalGrid } from '../detect/maps.js';
import { drawOverlay } from '../detect/overlay.js';
import { writePicture, writeProbabilityMap } from '../detect/overlay.node.js';
import { UserError } from '../errors.js';
import { makeFolder, readWholeFile } from '../files.node.js';
import { openNodeDevice } from '../runtime/gpu.node.js';
import { adapterOf } from './adapter-option.js';
import { parseBytes, parseMillimetres, parseProbability } from './values.js';

/** The model that ships with the package, two folders up from src/cli and dist/cli. */
export const SHIPPED_MODEL = fileURLToPath(new URL('../../models/mcgpu-compact.safetensors', import.meta.url));

interface DetectCommandOptions {
  readonly out: string;
  readonly model: string;
  readonly maps?: boolean;
  readonly overwrite?: boolean;
  readonly forceOverlay?: boolean;
  readonly pixelSpacing?: number;
  readonly threshold?: number;
  readonly minScore: number;
  readonly memoryBudget?: number;
  readonly quiet?: boolean;
}

/** `mcgpu detect FILE|DIR ... --out DIR`: findings.json and an overlay per image. Exit code 0 all read, 1 some failed, 2 wrong usage. */
export function registerDetect(program: Command): void {
  program
    .command('detect')
    .description('find microcalcifications on mammograms: findings.json, overlays, probability maps')
    .argument('<paths...>', 'images (DICOM, PNG, TIFF, JPEG) or folders, searched recursively')
    .requiredOption('--out <dir>', 'folder for the results')
    .option('--model <file>', 'model file', SHIPPED_MODEL)
    .option('--maps', 'also write 16-bit probability maps on the original grid')
    .option('--pixel-spacing <mm>', 'spacing of images that do not state theirs, mm', parseMillimetres)
    .option('--threshold <p>', 'mark findings with at least this score (default: that of the model)', parseProbability)
    .option('--min-score <p>', 'list findings with at least this score', parseProbability, MIN_SCORE)
    .option('--memory-budget <bytes>', 'most GPU memory for windows and feature maps, e.g. 256MB', parseBytes)
    .option('--overwrite', 'replace the results of an earlier run in the same folder')
    .option('--force-overlay', 'write overlays even of images whose pixels may show a name (Burned In Annotation)')
    .option('--quiet', 'print nothing but errors')
    .addHelpText('after', `\n${NOTICE}`)
    .action(async (paths: string[], options: DetectCommandOptions, command: Command) => {
      process.exitCode = await detect(paths, options, adapterOf(command));
    });
}

async function detect(paths: readonly string[], options: DetectCommandOptions, adapter: { adapter?: string }): Promise<number> {
  const files = await listImages([...paths]);
  const target = join(options.out, 'findings.json');
  if (existsSync(target) && !options.overwrite) {
    throw new UserError(`${target} exists already, expected a folder without earlier results. Choose another --out or add --overwrite.`);
  }
  const modelBytes = await readWholeFile(options.model);
  await makeFolder(options.out);
  const device = await openNodeDevice(adapter);
  try {
    const detector = Detector.open(
      device,
      modelBytes,
      options.model,
      options.memoryBudget ? { memoryBudgetBytes: options.memoryBudget } : {},
    );
    const images: ImageFindings[] = [];
    const failures: Failure[] = [];
    for (const [i, file] of files.entries()) {
      try {
        images.push(await detectFile(detector, file, outputNames(i + 1, file), options));
      } catch (error) {
        device.check(); // a lost device fails every image that follows: stop
        failures.push({ file, error: error instanceof Error ? error.message : String(error) });
      }
      if (!options.quiet) report(file, i + 1, files.length, images.at(-1), failures.at(-1));
    }
    const { threshold, pixelSpacingMm, architecture, training } = detector.info;
    const run = {
      model: { file: options.model === SHIPPED_MODEL ? 'mcgpu-compact' : options.model, architecture, pixelSpacingMm, training },
    };
    await writeFindings(
      target,
      buildFindings({ ...run, threshold: options.threshold ?? threshold, minScore: options.minScore, images, failures }),
    );
    if (!options.quiet) process.stdout.write(`${target}: ${images.length} image(s), ${failures.length} failed. ${NOTICE}\n`);
    return failures.length > 0 ? 1 : 0;
  } finally {
    device.destroy();
  }
}

async function detectFile(detector: Detector, file: string, names: OutputNames, options: DetectCommandOptions): Promise<ImageFindings> {
  const mammogram = await readMammogram(file, options.pixelSpacing === undefined ? {} : { pixelSpacingMm: options.pixelSpacing });
  const { threshold, minScore } = options;
  const result = await detector.detect(mammogram, file, { minScore, ...(threshold === undefined ? {} : { threshold }) });
  const found = await writePictures(mammogram, result, names, options);
  if (options.maps) await writeMaps(mammogram, result, names, options);
  return found;
}

/** The overlay, unless the pixels may show a name. */
async function writePictures(
  mammogram: Mammogram,
  { found }: DetectedMammogram,
  names: OutputNames,
  options: DetectCommandOptions,
): Promise<ImageFindings> {
  if (mammogram.burnedIn && !options.forceOverlay) {
    const warning =
      'No overlay was written: the file says that its pixels carry burned-in annotation. Add --force-overlay to write it all the same.';
    return { ...found, warnings: [...found.warnings, warning] };
  }
  await writePicture(join(options.out, names.overlay), drawOverlay(mammogram.image, found));
  return found;
}

async function writeMaps(
  mammogram: Mammogram,
  { maps, scale }: DetectedMammogram,
  names: OutputNames,
  options: DetectCommandOptions,
): Promise<void> {
  const channels = {
    'benign-like': [maps.benignLike, names.benignLike],
    'malignant-like': [maps.malignantLike, names.malignantLike],
  } as const;
  for (const channel of SEGMENTATION_CHANNELS) {
    const [map, name] = channels[channel];
    await writeProbabilityMap(join(options.out, name), mapOnOriginalGrid(map, maps, mammogram.image, scale));
  }
}

function report(file: string, n: number, total: number, found: ImageFindings | undefined, failure: Failure | undefined): void {
  if (failure?.file === file) {
    process.stderr.write(`[${n}/${total}] ${file}: ${failure.error}\n`);
    return;
  }
  if (!found) return;
  const marked = found.findings.filter((f) => f.marked).length;
  const scores = `mcScore ${found.mcScore.toFixed(3)}, malignancyScore ${found.malignancyScore.toFixed(3)}`;
  process.stdout.write(
    `[${n}/${total}] ${file}: ${marked} marked of ${found.findings.length}, ${found.clusters.length} cluster(s), ${scores}\n`,
  );
  for (const warning of found.warnings) process.stdout.write(`  warning: ${warning}\n`);
}
