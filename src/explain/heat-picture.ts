import { cropReflect, type GrayImage } from '../data/image.js';
import { Canvas, magnification, paintImage, type Colour, type Picture } from '../detect/canvas.js';
import { NOTICE } from '../detect/findings.js';
import { GLYPH, textWidth } from '../detect/overlay-font.js';
import type { Explanation } from './explain.js';

const MAX_SIDE_PX = 2048;
/** From nothing to all: yellow, orange, red, so that brightness falls as heat rises and grey stays readable. */
const WARM: readonly Colour[] = [
  [255, 255, 178],
  [253, 141, 60],
  [189, 0, 38],
];
/** Of the hottest pixel; the mammogram stays visible below. */
const OPACITY = 0.65;
const LINE = GLYPH.height + 3;

/**
 * The region with its heat map over it, and a footer that says what of.
 *
 * @param image the original image, display intensities 0 .. 1
 */
export function drawHeat(image: GrayImage, { region, heat, className, layer, classes, peak }: Explanation): Picture {
  const crop = cropReflect(image, region.x, region.y, region.width, region.height);
  const zoom = magnification(crop, MAX_SIDE_PX);
  const [width, height] = [Math.max(1, Math.round(crop.width * zoom)), Math.max(1, Math.round(crop.height * zoom))];
  const size = Math.max(1, Math.round(Math.max(width, height) / 1000));
  const lines = [
    `Grad-CAM  ${className}  ${layer}  p ${classes[className].toFixed(2)}${peak > 0 ? '' : '  nothing speaks for it'}`,
    NOTICE,
  ];
  const canvas = new Canvas(
    Math.max(width, ...lines.map((line) => (textWidth(line) + 8) * size)),
    height + (lines.length * LINE + 2) * size,
  );
  paintImage(canvas, crop, zoom);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const value = sampleHeat(heat, (x + 0.5) / width, (y + 0.5) / height);
      canvas.blend(x, y, warm(value), OPACITY * value);
    }
  for (const [i, line] of lines.entries()) canvas.text(4 * size, height + (i * LINE + 2) * size, line, size);
  return canvas;
}

/** The heat map's nearest pixel; u and v are parts of its sides. */
function sampleHeat({ width, height, data }: GrayImage, u: number, v: number): number {
  return data[Math.min(height - 1, Math.floor(v * height)) * width + Math.min(width - 1, Math.floor(u * width))] ?? 0;
}

function warm(value: number): Colour {
  const at = Math.min(Math.max(value, 0), 1) * (WARM.length - 1);
  const i = Math.min(Math.floor(at), WARM.length - 2);
  const [from, to] = [WARM[i]!, WARM[i + 1]!];
  const mix = (c: 0 | 1 | 2): number => from[c] + (at - i) * (to[c] - from[c]);
  return [mix(0), mix(1), mix(2)];
}
