// `mcgpu explain`: what of a mammogram speaks for a class.
import { CLASSES, type ClassToken } from '../data/classes.js';
import { cropReflect, type GrayImage } from '../data/image.js';
import type { Mammogram } from '../data/mammogram.js';
import { preprocess } from '../data/preprocess.js';
import { UserError } from '../errors.js';
import { isClassifier, networkOf, type AnyNetwork } from '../model/architecture.js';
import type { Classifier } from '../model/classifier.js';
import { gradCam } from '../model/grad-cam.js';
import { decodeModelFile } from '../model/model-file.js';
import { Network } from '../model/network.js';
import { classifierOf } from '../model/unet3plus.js';
import type { Device } from '../runtime/device.js';
import { Detector } from '../detect/detector.js';

/** Original pixels. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface ExplainOptions {
  readonly className: ClassToken;
  /** Default: the finest map that the class heads read; of a classifier, the one that detection looks at. */
  readonly layer?: string | undefined;
  /** Default: the image where it is small, else the surroundings of its best finding. */
  readonly region?: Region | undefined;
}

export interface Explanation {
  readonly className: ClassToken;
  readonly layer: string;
  readonly region: Region;
  /** Probabilities of the classes by the class heads, for the region alone. */
  readonly classes: Readonly<Record<ClassToken, number>>;
  /** Highest value of the heat map before it was scaled to 0 .. 1; 0: nothing in the region speaks for the class. */
  readonly peak: number;
  /** Of the region, at the working spacing, 0 .. 1. */
  readonly heat: GrayImage;
}

/** Side of the default region, working pixels: 5 cm, and an activation map of any layer fits into memory. A classifier's is that of its patches. */
const SIDE_PX = 512;
/** Larger regions would need the whole network's maps at once. */
const MOST_SIDE_PX = 1024;
/** Least side that every network takes. */
const LEAST_SIDE_PX = 32;

/**
 * Grad-CAM of one class in one region.
 *
 * @param file how error messages call the model file
 * @throws UserError for a class or layer that does not exist (listing those that do), a region outside the image or too large
 */
export async function explain(
  device: Device,
  model: { readonly bytes: Uint8Array; readonly file: string },
  mammogram: Mammogram,
  { className, layer, region: given }: ExplainOptions,
): Promise<Explanation> {
  const modelFile = decodeModelFile(model.bytes, model.file);
  const { model: net, arrays } = networkOf(modelFile, model.file);
  const { classifier, usualStage } = explainable(net);
  const stage = layer ?? usualStage;
  const { image, scale } = preprocess(mammogram, modelFile.info);
  const side = modelFile.info.window ?? SIDE_PX;
  const region = given ?? (await defaultRegion(device, model, mammogram, image, scale, side));
  const window = workingWindow(region, mammogram.image, scale);
  const network = new Network(device, classifier, 'infer');
  try {
    network.load(arrays);
    const pixels = cropReflect(image, window.x, window.y, window.width, window.height);
    const x = device.tensor('NCHW', [1, 1, window.height, window.width], Float32Array.from(pixels.data));
    const { map, logits } = await gradCam(network, x, { stage, classIndex: CLASSES.indexOf(className) });
    const peak = map.reduce((a, b) => Math.max(a, b), 0);
    const heat = { width: window.width, height: window.height, data: peak > 0 ? map.map((v) => v / peak) : map };
    return { className, layer: stage, region, classes: softmax(logits), peak, heat };
  } finally {
    network.destroy();
  }
}

/** What says the class, and the map to look at where nobody asks for another. */
function explainable(model: AnyNetwork): { classifier: Classifier; usualStage: string } {
  if (isClassifier(model)) return { classifier: model, usualStage: model.mapStage };
  const classifier = classifierOf(model);
  return { classifier, usualStage: classifier.stages.at(-1) ?? '' };
}

/** @throws UserError naming the classes that exist */
export function parseClass(text: string): ClassToken {
  const found = CLASSES.filter((name) => name === text || name === `${text}-like`);
  if (found[0]) return found[0];
  throw new UserError(`There is no class '${text}', expected one of ${CLASSES.join(', ')}.`);
}

function softmax(logits: Float32Array): Record<ClassToken, number> {
  const top = Math.max(...logits);
  const odds = Array.from(logits, (l) => Math.exp(l - top));
  const sum = odds.reduce((a, b) => a + b, 0);
  const [none = 0, benign = 0, malignant = 0] = odds.map((o) => o / sum);
  return { none, 'benign-like': benign, 'malignant-like': malignant };
}

/** The whole image, or a square around the best finding, within the image. */
async function defaultRegion(
  device: Device,
  { bytes, file }: { readonly bytes: Uint8Array; readonly file: string },
  mammogram: Mammogram,
  working: GrayImage,
  [row, column]: readonly [number, number],
  side: number,
): Promise<Region> {
  const { width, height } = mammogram.image;
  if (Math.max(working.width, working.height) <= side) return { x: 0, y: 0, width, height };
  const detector = Detector.open(device, bytes, file);
  try {
    const { found } = await detector.detect(mammogram, '');
    const [best] = [...found.findings].sort((a, b) => b.score - a.score);
    const [cx, cy] = best ? [best.x, best.y] : [width / 2, height / 2];
    const [w, h] = [Math.min(width, Math.round(side * column)), Math.min(height, Math.round(side * row))];
    const within = (centre: number, extent: number, whole: number): number =>
      Math.round(Math.min(Math.max(0, centre - extent / 2), whole - extent));
    return { x: within(cx, w, width), y: within(cy, h, height), width: w, height: h };
  } finally {
    detector.destroy();
  }
}

/** A region on the working grid. */
function workingWindow({ x, y, width, height }: Region, image: GrayImage, [row, column]: readonly [number, number]): Region {
  if (x < 0 || y < 0 || x + width > image.width || y + height > image.height)
    throw new UserError(
      `The region ${x},${y},${width},${height} is not inside the image of ${image.width}x${image.height} px, expected left,top,width,height within it.`,
    );
  const window = { x: Math.round(x / column), y: Math.round(y / row), width: Math.round(width / column), height: Math.round(height / row) };
  const sides = `${window.width}x${window.height} px at the model's spacing`;
  if (Math.min(window.width, window.height) < LEAST_SIDE_PX)
    throw new UserError(`The region is ${sides}, expected sides of at least ${LEAST_SIDE_PX}. Choose a larger one.`);
  if (Math.max(window.width, window.height) > MOST_SIDE_PX)
    throw new UserError(
      `The region is ${sides}, expected at most ${MOST_SIDE_PX} each way: all maps are kept. Choose a smaller one with --region.`,
    );
  return window;
}
