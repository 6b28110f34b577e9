import sharp from 'sharp';
import { createImage, type GrayImage } from '../data/image.js';
import { resample } from '../data/resample.js';
import { edgesOf, fitShapes, type Edges } from '../data/shapes.js';
import { markedOf, type Thresholds } from '../detect/marking.js';
import type { EvaluatedCase } from './case.js';
import type { Example } from './examples.js';
import { readAnnotated } from './read-set.node.js';
import { escapeHtml } from './svg-plot.js';

/** Side of a thumbnail, px of the picture, and of the tissue that one of a place shows, mm. */
const SIDE = 200;
const FIELD_MM = 8;

/** A part of an image as an SVG with marks (circles, green) and findings that are marked (squares, orange) over it. */
export async function thumbnail(
  one: EvaluatedCase,
  { at }: Example,
  thresholds: Thresholds,
  pixelSpacingMm: number | undefined,
): Promise<string> {
  const { image } = await readAnnotated(one.image, pixelSpacingMm);
  const [row, column] = one.result.pixelSpacingMm;
  const window = at === null ? whole(image) : around(image, at, FIELD_MM / column, FIELD_MM / row);
  const zoom = SIDE / Math.max(window.width, window.height);
  const shown = resample(cut(image, window), zoom, zoom);
  const marks = fitShapes(one.image.marks ?? [], image.width, image.height).inside.map(edgesOf);
  const isMarked = markedOf(one.result.detections, one.result.pixelSpacingMm, thresholds);
  const findings = one.result.detections.filter((_, i) => isMarked[i]).map(({ box }) => box);
  const place = ([x0, y0, x1, y1]: Edges): Place => ({
    x: ((x0 + x1) / 2 + 0.5 - window.x) * zoom,
    y: ((y0 + y1) / 2 + 0.5 - window.y) * zoom,
    radius: Math.max((zoom * Math.max(x1 - x0, y1 - y0)) / 2 + 3, 7),
  });
  const isShown = ({ x, y }: Place): boolean => x >= 0 && y >= 0 && x <= shown.width && y <= shown.height;
  const rings = marks
    .map(place)
    .filter(isShown)
    .map(({ x, y, radius }) => `<circle cx="${f(x)}" cy="${f(y)}" r="${f(radius)}" class="mark"/>`);
  const boxes = findings
    .map(place)
    .filter(isShown)
    .map(({ x, y, radius: r }) => `<rect x="${f(x - r)}" y="${f(y - r)}" width="${f(2 * r)}" height="${f(2 * r)}" class="found"/>`);
  const { width, height } = shown;
  return [
    `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeHtml(one.image.id)}">`,
    `<image width="${width}" height="${height}" href="data:image/jpeg;base64,${(await jpeg(shown)).toString('base64')}"/>`,
    ...boxes,
    ...rings,
    '</svg>',
  ].join('');
}

interface Window {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

const f = (value: number): string => value.toFixed(1);

const whole = ({ width, height }: GrayImage): Window => ({ x: 0, y: 0, width, height });

/** A window of the field's size, moved into the image where it would reach out of it. */
function around(image: GrayImage, at: { readonly x: number; readonly y: number }, fieldWidth: number, fieldHeight: number): Window {
  const [width, height] = [Math.min(image.width, Math.round(fieldWidth)), Math.min(image.height, Math.round(fieldHeight))];
  const start = (centre: number, size: number, all: number): number => Math.min(Math.max(Math.round(centre - size / 2), 0), all - size);
  return { x: start(at.x, width, image.width), y: start(at.y, height, image.height), width, height };
}

function cut(image: GrayImage, { x, y, width, height }: Window): GrayImage {
  const out = createImage(width, height);
  for (let row = 0; row < height; row++) {
    const from = (y + row) * image.width + x;
    out.data.set(image.data.subarray(from, from + width), row * width);
  }
  return out;
}

/** Stretched from the 1st to the 99.8th percentile: a calcification is a part of the brightest thousandth. */
function jpeg({ width, height, data }: GrayImage): Promise<Buffer> {
  const sorted = data.slice().sort();
  const at = (p: number): number => sorted[Math.round(p * (sorted.length - 1))] ?? 0;
  const [low, high] = [at(0.01), at(0.998)];
  const grey = Uint8Array.from(data, (v) => Math.round(255 * Math.min(Math.max((v - low) / (high - low || 1), 0), 1)));
  return sharp(grey, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .jpeg({ quality: 80 })
    .toBuffer();
}
