// `mcgpu synth`: samples as files, to look at and to evaluate on.
import { join } from 'node:path';
import sharp from 'sharp';
import { CLASSES, SEGMENTATION_CHANNELS } from '../data/classes.js';
import type { GrayImage } from '../data/image.js';
import { ANNOTATION_SCHEMA } from '../data/sets/annotation-file.js';
import { NOTICE } from '../detect/findings.js';
import { writePicture } from '../detect/overlay.node.js';
import { writeFileAtomic } from '../files.node.js';
import { marksOf } from '../synth/annotate.js';
import type { BackgroundSource } from '../synth/background.js';
import { contactSheet, type SheetRow } from '../synth/contact-sheet.js';
import type { SynthConfig } from '../synth/priors.js';
import { makeSample, type Sample } from '../synth/sample.js';
import { backgroundsOf, type SampleSetup } from '../train/training-data.node.js';

/** Samples on the contact sheet; the first ones, negatives among them. */
export const MAX_ON_SHEET = 24;

/** Writes samples, their masks, mcs.json, annotations.json and a contact sheet. */
export async function writeSamples(setup: SampleSetup, out: string, count: number, seed: number): Promise<void> {
  const source = backgroundsOf(setup);
  const rows: SheetRow[] = [];
  const entries: object[] = [];
  const annotations: object[] = [];
  for (let i = 0; i < count; i++) {
    const sample = makeSample(source, setup.synth, seed, i);
    const files = await writeSample(out, i, sample);
    entries.push({ ...files, class: CLASSES[sample.classIndex], distribution: sample.distribution, mcs: sample.mcs });
    annotations.push(annotation(files.image, i, sample));
    if (rows.length < MAX_ON_SHEET) rows.push({ withMcs: sample, without: withoutMcs(source, setup.synth, seed, i) });
  }
  const annotated = { schema: ANNOTATION_SCHEMA, pixelSpacingMm: setup.synth.pixelSpacingMm, images: annotations };
  await writeFileAtomic(join(out, 'annotations.json'), `${JSON.stringify(annotated)}\n`);
  const list = { schema: 'mcgpu.synthetic/1', notice: NOTICE, seed, config: setup.synth, samples: entries };
  await writeFileAtomic(join(out, 'mcs.json'), `${JSON.stringify(list, null, 2)}\n`);
  await writePicture(join(out, 'contact-sheet.png'), contactSheet(rows));
  process.stdout.write(`${count} samples in ${out}; look at ${join(out, 'contact-sheet.png')}\n${NOTICE}\n`);
}

/** The same background, negatives and degradation: their draws do not depend on the lesion's. */
function withoutMcs(source: BackgroundSource, config: SynthConfig, seed: number, index: number): Sample {
  return makeSample(source, { ...config, positiveFraction: 0 }, seed, index);
}

/** The sample's entry in annotations.json. Backgrounds are shared between samples, so each counts as a patient of its own. */
function annotation(file: string, index: number, sample: Sample): object {
  const [isDrawn, marks] = [sample.mcs.length > 0, marksOf(sample)];
  const groups = isDrawn ? { distribution: sample.distribution ?? '', morphology: sample.mcs[0]!.morphology } : {};
  return { file, patient: `sample-${index}`, mcs: isDrawn, malignant: isDrawn ? sample.classIndex === 2 : null, marks, groups };
}

interface SampleFiles {
  readonly image: string;
  readonly masks: readonly string[];
  readonly ignore: string;
}

/** Writes one sample's images. */
async function writeSample(folder: string, index: number, sample: Sample): Promise<SampleFiles> {
  const name = `sample-${String(index).padStart(5, '0')}`;
  const files = {
    image: `${name}.png`,
    masks: SEGMENTATION_CHANNELS.map((channel) => `${name}-${channel}.png`),
    ignore: `${name}-ignore.png`,
  };
  await writeFileAtomic(join(folder, files.image), await greyPng(sample.raw));
  for (const [i, file] of files.masks.entries())
    await writeFileAtomic(join(folder, file), await maskPng(sample.masks[i]!, sample.raw.width));
  await writeFileAtomic(join(folder, files.ignore), await maskPng(sample.ignore, sample.raw.width));
  return files;
}

/** Display intensities 0..1 as 0..65535. */
function greyPng({ width, height, data }: GrayImage): Promise<Uint8Array> {
  const levels = Uint16Array.from(data, (v) => Math.round(65535 * v));
  return sharp(levels, { raw: { width, height, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toBuffer();
}

function maskPng(mask: Uint8Array, width: number): Promise<Uint8Array> {
  const pixels = mask.map((v) => 255 * v);
  return sharp(pixels, { raw: { width, height: mask.length / width, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
}
