import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CLASSES } from '../data/classes.js';
import { checkSpacingOption } from '../data/pixel-spacing.js';
import { readMammogram } from '../data/read.node.js';
import { NOTICE } from '../detect/findings.js';
import { writePicture, writeProbabilityMap } from '../detect/overlay.node.js';
import { SHIPPED_MODEL } from '../detect/shipped-model.node.js';
import { UserError } from '../errors.js';
import { explain, parseClass, type Region } from '../explain/explain.js';
import { drawHeat } from '../explain/heat-picture.js';
import { makeFolder, readWholeFile, writeFileAtomic } from '../files.node.js';
import { openNodeDevice } from '../runtime/gpu.node.js';
import { adapterOf } from './adapter-option.js';
import { parseMillimetres, parseRegion } from './values.js';

interface ExplainCommandOptions {
  readonly out: string;
  readonly model: string;
  readonly class: string;
  readonly layer?: string;
  readonly region?: Region;
  readonly pixelSpacing?: number;
  readonly overwrite?: boolean;
  readonly forceOverlay?: boolean;
}

/** `mcgpu explain FILE --out DIR`: heat-map.png, overlay.png and explanation.json. */
export function registerExplain(program: Command): void {
  program
    .command('explain')
    .description('show what in a mammogram speaks for a class: a Grad-CAM heat map, alone and over the image')
    .argument('<file>', 'image (DICOM, PNG, TIFF, JPEG)')
    .requiredOption('--out <dir>', 'folder for heat-map.png, overlay.png and explanation.json')
    .option('--model <file>', 'model file', SHIPPED_MODEL)
    .option('--class <name>', `one of ${CLASSES.join(', ')}`, 'malignant-like')
    .option('--layer <name>', 'feature map to look at (default: the finest that the class heads read)')
    .option(
      '--region <x,y,width,height>',
      'original pixels (default: all of a small image, 5 cm around the best finding of others)',
      parseRegion,
    )
    .option('--pixel-spacing <mm>', 'spacing of images that do not state theirs, mm', parseMillimetres)
    .option('--overwrite', 'replace earlier results in the same folder')
    .option('--force-overlay', 'write pictures even of images whose pixels may show a name (Burned In Annotation)')
    .addHelpText('after', `\n${NOTICE}`)
    .action(async (file: string, options: ExplainCommandOptions, command: Command) => {
      await explainFile(file, options, adapterOf(command));
    });
}

async function explainFile(file: string, options: ExplainCommandOptions, adapter: { adapter?: string }): Promise<void> {
  const { out, model, layer, region, pixelSpacing } = options;
  const className = parseClass(options.class);
  if (pixelSpacing !== undefined) checkSpacingOption(pixelSpacing);
  const target = join(out, 'explanation.json');
  if (existsSync(target) && !options.overwrite)
    throw new UserError(`${target} exists already, expected a folder without earlier results. Choose another --out or add --overwrite.`);
  const bytes = await readWholeFile(model);
  const mammogram = await readMammogram(file, pixelSpacing === undefined ? {} : { pixelSpacingMm: pixelSpacing });
  if (mammogram.burnedIn && !options.forceOverlay)
    throw new UserError(
      `${file} says that its pixels carry burned-in annotation, which an overlay would show. Add --force-overlay if they do not.`,
    );
  const device = await openNodeDevice(adapter);
  try {
    const explanation = await explain(device, { bytes, file: model }, mammogram, { className, layer, region });
    await makeFolder(out);
    await writeProbabilityMap(join(out, 'heat-map.png'), explanation.heat);
    await writePicture(join(out, 'overlay.png'), drawHeat(mammogram.image, explanation));
    const { heat: _, ...rest } = explanation;
    await writeFileAtomic(target, `${JSON.stringify({ schema: 'mcgpu.explanation/1', notice: NOTICE, ...rest }, null, 2)}\n`);
    const { x, y, width, height } = explanation.region;
    process.stdout.write(
      `${className} at ${explanation.layer} in ${x},${y},${width},${height}: p ${explanation.classes[className].toFixed(3)}; ${join(out, 'overlay.png')}\n${NOTICE}\n`,
    );
  } finally {
    device.destroy();
  }
}
