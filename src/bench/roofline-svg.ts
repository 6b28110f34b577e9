// Roofline (Williams, Waterman, Patterson 2009): what the adapter allows at every arithmetic intensity, and where the kernels are.
import type { Calibration } from './calibrate.js';

export interface RooflinePoint {
  readonly name: string;
  /** Operations per byte. */
  readonly intensity: number;
  readonly gflops: number;
}

/** Kinds of kernels by their names, the first that fits; colours of Okabe and Ito, distinct for the colour-blind. */
const KINDS: readonly (readonly [name: RegExp, colour: string])[] = [
  [/conv.*grad.input/, '#d55e00'],
  [/conv.*grad.weight/, '#009e73'],
  [/conv/, '#0072b2'],
  [/pool|bilinear/, '#cc79a7'],
  [/(?:)/, '#000000'],
];
const PLOT = { left: 70, right: 620, top: 60, bottom: 420 }; // px
const LEGEND = { left: 650, top: 66, rowHeight: 15, rows: 30, columnWidth: 330 };

interface Scale {
  readonly place: (value: number) => number;
  readonly ticks: readonly number[];
}

/** @param footer adapter, driver, commit and date, so that the picture stands alone */
export function rooflineSvg(points: readonly RooflinePoint[], calibration: Calibration, footer: string): string {
  const { fmaGflops, copyGbps } = calibration;
  const ridge = fmaGflops / copyGbps;
  const x = logScale([ridge, ...points.map((p) => p.intensity)], PLOT.left, PLOT.right);
  const y = logScale([fmaGflops, ...points.map((p) => p.gflops)], PLOT.bottom, PLOT.top);
  const columns = Math.max(1, Math.ceil(points.length / LEGEND.rows));
  const width = LEGEND.left + columns * LEGEND.columnWidth;
  const legendBottom = LEGEND.top + Math.min(points.length, LEGEND.rows) * LEGEND.rowHeight;
  const height = Math.max(PLOT.bottom + 70, legendBottom + 30);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    text(14, 24, 'Roofline', 'font-size="15" font-weight="bold"'),
    ...x.ticks.map((tick) => verticalTick(x.place(tick), tick)),
    ...y.ticks.map((tick) => horizontalTick(y.place(tick), tick)),
    text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 36, 'arithmetic intensity, FLOP per byte', 'text-anchor="middle"'),
    text(PLOT.left, PLOT.top - 10, 'GFLOP/s'),
    roof(calibration, x, y),
    ...points.map((point, i) => drawPoint(point, i, x, y)),
    text(14, height - 10, footer, 'font-size="11" fill="#555"'),
    '</svg>\n',
  ].join('\n');
}

/** The slanted line is the copy bandwidth, the level one the multiply-add peak. */
function roof({ fmaGflops, copyGbps }: Calibration, x: Scale, y: Scale): string {
  const first = x.ticks[0] ?? 1;
  const last = x.ticks.at(-1) ?? 1;
  const lowest = y.ticks[0] ?? 1;
  const start = Math.max(first, lowest / copyGbps);
  const ridge = fmaGflops / copyGbps;
  const at = (intensity: number): string => `${px(x.place(intensity))},${px(y.place(Math.min(fmaGflops, intensity * copyGbps)))}`;
  return [
    `<polyline points="${at(start)} ${at(ridge)} ${at(last)}" fill="none" stroke="black" stroke-width="2"/>`,
    text(PLOT.right - 4, y.place(fmaGflops) - 6, `multiply-add peak ${fmaGflops.toPrecision(3)} GFLOP/s`, 'text-anchor="end"'),
    text(PLOT.left + 8, PLOT.top + 14, `copy ${copyGbps.toPrecision(3)} GB/s`),
  ].join('\n');
}

function drawPoint({ name, intensity, gflops }: RooflinePoint, i: number, x: Scale, y: Scale): string {
  const colour = KINDS.find(([kind]) => kind.test(name))?.[1] ?? 'black';
  const [cx, cy] = [px(x.place(intensity)), px(y.place(gflops))];
  const left = LEGEND.left + Math.floor(i / LEGEND.rows) * LEGEND.columnWidth;
  const top = LEGEND.top + (i % LEGEND.rows) * LEGEND.rowHeight;
  return [
    `<circle cx="${cx}" cy="${cy}" r="4" fill="${colour}"/>`,
    text(Number(cx) + 6, Number(cy) - 4, String(i + 1), `font-size="9" fill="${colour}"`),
    text(left, top, `${i + 1}  ${name}: ${gflops.toPrecision(3)}`, `font-size="11" fill="${colour}"`),
  ].join('\n');
}

/** Decades that hold all values, with some room at both ends. */
function logScale(values: readonly number[], from: number, to: number): Scale {
  const positive = values.filter((v) => v > 0 && Number.isFinite(v));
  const low = Math.floor(Math.log10(Math.min(...positive) / 1.5));
  const high = Math.max(low + 1, Math.ceil(Math.log10(1.5 * Math.max(...positive))));
  const place = (value: number): number => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
  return { place, ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)) };
}

function verticalTick(x: number, value: number): string {
  return `<line x1="${px(x)}" y1="${PLOT.top}" x2="${px(x)}" y2="${PLOT.bottom}" stroke="#ddd"/>${text(x, PLOT.bottom + 16, tickName(value), 'text-anchor="middle"')}`;
}

function horizontalTick(y: number, value: number): string {
  return `<line x1="${PLOT.left}" y1="${px(y)}" x2="${PLOT.right}" y2="${px(y)}" stroke="#ddd"/>${text(PLOT.left - 8, y + 4, tickName(value), 'text-anchor="end"')}`;
}

const px = (value: number): string => value.toFixed(1);
const tickName = (value: number): string => (value >= 1 ? String(Math.round(value)) : value.toPrecision(1));

function text(x: number, y: number, content: string, attributes = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<text x="${px(x)}" y="${px(y)}"${attributes ? ` ${attributes}` : ''}>${escaped}</text>`;
}
