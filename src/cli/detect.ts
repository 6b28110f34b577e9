import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { SEGMENTATION_CHANNELS } from '../data/classes.js';
import type { Mammogram } from '../data/mammogram.js';
import { checkSpacingOption } from '../data/pixel-spacing.js';
import { readMammogram } from '../data/read.node.js';
import { Detector, MIN_SCORE, type DetectedMammogram } from '../detect/detector.js';
import { buildFindings, NOTICE, type Failure, type FindingsFile, type ImageFindings } from '../detect/findings.js';
import { outputNames, removeEarlierPictures, writeFindings, type OutputNames } from '../detect/findings.node.js';
import { mapOnOriginalGrid } from '../detect/maps.js';
import { drawOverlay } from '../detect/overlay.js';
import { writePicture, writeProbabilityMap } from '../detect/overlay.node.js';
import { SHIPPED_MODEL } from '../detect/shipped-model.node.js';
import { chosenThresholds } from '../detect/marking.js';
import { UserError } from '../errors.js';
import { explainFileError, makeFolder, readWholeFile } from '../files.node.js';
import { useTuning } from '../kernels/tune.js';
import type { Device } from '../runtime/device.js';
import { openNodeDevice } from '../runtime/gpu.node.js';
import type { ElementType } from '../runtime/storage.js';
import { tuningId } from '../runtime/tuning.js';
import { readTuningFile } from '../runtime/tuning-file.node.js';
import { adapterOf } from './adapter-option.js';
import { precisionOption } from './precision-option.js';
import { failureOf, findInputs } from './detect-inputs.js';
import { parseBytes, parseMillimetres, parseProbability } from './values.js';

interface DetectCommandOptions {
  readonly out: string;
  readonly model: string;
  readonly maps?: boolean;
  readonly overwrite?: boolean;
  readonly forceOverlay?: boolean;
  readonly pixelSpacing?: number;
  readonly threshold?: number;
  readonly groupThreshold?: number;
  readonly minScore: number;
  readonly memoryBudget?: number;
  readonly precision?: ElementType;
  readonly tuning?: string;
  readonly quiet?: boolean;
  readonly debug?: boolean;
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
    .option('--threshold <p>', 'mark findings with at least this score (default: those of the model)', parseProbability)
    .option('--group-threshold <p>', 'mark those in groups of three and more from this lower score on', parseProbability)
    .option('--min-score <p>', 'list findings with at least this score', parseProbability, MIN_SCORE)
    .option('--memory-budget <bytes>', 'most GPU memory for windows and feature maps, e.g. 256MB', parseBytes)
    .addOption(precisionOption())
    .option('--tuning <file>', 'table of kernel choices from `mcgpu bench --tune`')
    .option('--overwrite', 'replace the results of an earlier run in the same folder, its pictures too')
    .option('--force-overlay', 'write pictures even of images whose pixels may show a name (Burned In Annotation)')
    .option('--quiet', 'print nothing but errors')
    .addHelpText('after', `\n${NOTICE}`)
    .action(async (paths: string[], options: DetectCommandOptions, command: Command) => {
      process.exitCode = await detect(paths, { ...options, ...command.optsWithGlobals<{ debug?: boolean }>() }, adapterOf(command));
    });
}

async function detect(paths: readonly string[], options: DetectCommandOptions, adapter: { adapter?: string }): Promise<number> {
  if (options.pixelSpacing !== undefined) checkSpacingOption(options.pixelSpacing);
  const inputs = await findInputs(paths, options.out);
  const target = join(options.out, 'findings.json');
  if (existsSync(target) && !options.overwrite) {
    throw new UserError(`${target} exists already, expected a folder without earlier results. Choose another --out or add --overwrite.`);
  }
  const modelBytes = await readWholeFile(options.model);
  const tuning = options.tuning === undefined ? null : await readTuningFile(options.tuning);
  const device = await openNodeDevice(adapter);
  try {
    for (const line of tuning ? await useTuning(device, tuning) : []) process.stderr.write(`warning: ${line}\n`);
    const { memoryBudget: memoryBudgetBytes, precision } = options;
    if (precision === 'f16') device.requireHalfPrecision();
    const detector = Detector.open(device, modelBytes, options.model, { memoryBudgetBytes, precision });
    chosenThresholds(detector.info, options); // refused before anything is read
    await prepareFolder(options.out, target);
    if (options.overwrite) await removeEarlierPictures(options.out, inputs.files);
    const failures = [...inputs.failures];
    for (const failure of failures) reportFailure('', failure);
    const images: ImageFindings[] = [];
    for (const [i, file] of inputs.files.entries()) {
      const place = `[${i + 1}/${inputs.files.length}] `;
      const outcome = await detectFile({ device, detector, options, place }, file, outputNames(i + 1, file));
      if ('error' in outcome) {
        failures.push(outcome);
        reportFailure(place, outcome);
      } else {
        images.push(outcome);
        if (!options.quiet) reportImage(place, outcome);
      }
    }
    await writeFindings(target, buildFindings({ ...runOf(detector, options, await tuningId(device.tuning)), images, failures }));
    if (!options.quiet) process.stdout.write(`${target}: ${images.length} image(s), ${failures.length} failed. ${NOTICE}\n`);
    return failures.length > 0 ? 1 : 0;
  } finally {
    device.destroy();
  }
}

/** Makes the folder and takes an earlier findings.json away: it must not lie beside pictures that are not its own. */
async function prepareFolder(out: string, target: string): Promise<void> {
  await makeFolder(out);
  try {
    await rm(target, { force: true });
  } catch (error) {
    throw explainFileError(error, target, 'write');
  }
}

function runOf(
  { info }: Detector,
  options: DetectCommandOptions,
  tuning: string | null,
): Pick<FindingsFile, 'model' | 'threshold' | 'groupThreshold' | 'minScore'> {
  const { pixelSpacingMm, architecture, training } = info;
  const file = options.model === SHIPPED_MODEL ? 'mcgpu-compact' : options.model;
  return {
    model: { file, architecture, pixelSpacingMm, training, tuning, precision: options.precision ?? 'f32' },
    ...chosenThresholds(info, options),
    minScore: options.minScore,
  };
}

interface Run {
  readonly device: Device;
  readonly detector: Detector;
  readonly options: DetectCommandOptions;
  /** Which file of how many, for messages. */
  readonly place: string;
}

/** @throws what stops the whole run: a lost device, or results that cannot be written */
async function detectFile({ device, detector, options, place }: Run, file: string, names: OutputNames): Promise<ImageFindings | Failure> {
  let isRead = false;
  try {
    const mammogram = await readMammogram(file, options.pixelSpacing === undefined ? {} : { pixelSpacingMm: options.pixelSpacing });
    const { threshold, groupThreshold, minScore } = options;
    const onTile = options.quiet ? {} : { onTile: showTiles(place) };
    const result = await detector.detect(mammogram, file, { minScore, threshold, groupThreshold, ...onTile });
    isRead = true;
    return await writePictures(mammogram, result, names, options);
  } catch (error) {
    device.check();
    if (isRead && error instanceof UserError) throw error;
    if (options.debug && error instanceof Error && !(error instanceof UserError)) process.stderr.write(`${error.stack ?? ''}\n`);
    return failureOf(file, error);
  }
}

/** Overlay and maps, unless the pixels may show a name. */
async function writePictures(
  mammogram: Mammogram,
  result: DetectedMammogram,
  names: OutputNames,
  options: DetectCommandOptions,
): Promise<ImageFindings> {
  const { found } = result;
  if (mammogram.burnedIn && !options.forceOverlay) {
    const warning =
      'No pictures were written: the file says that its pixels carry burned-in annotation. Add --force-overlay to write them all the same.';
    return { ...found, warnings: [...found.warnings, warning] };
  }
  await writePicture(join(options.out, names.overlay), drawOverlay(mammogram.image, found));
  if (options.maps) await writeMaps(mammogram, result, names, options);
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

/** A line that overwrites itself while an image is computed; nothing where no one watches. */
function showTiles(place: string): (done: number, total: number) => void {
  return (done, total) => {
    if (!process.stderr.isTTY) return;
    process.stderr.write(done < total ? `\r${place}tile ${done}/${total}` : '\r\u001b[K');
  };
}

function reportFailure(place: string, { file, error }: Failure): void {
  process.stderr.write(`${place}${file}: ${error}\n`);
}

function reportImage(place: string, found: ImageFindings): void {
  const marked = found.findings.filter((f) => f.marked).length;
  const scores = `mcScore ${found.mcScore.toFixed(3)}, malignancyScore ${found.malignancyScore.toFixed(3)}`;
  process.stdout.write(
    `${place}${found.file}: ${marked} marked of ${found.findings.length}, ${found.clusters.length} cluster(s), ${scores}\n`,
  );
  for (const warning of found.warnings) process.stdout.write(`  warning: ${warning}\n`);
}
