// Bright spots of real and of synthetic images, one distribution over the other.
import { quantile } from './bootstrap.js';
import { escapeHtml } from './svg-plot.js';
import type { Spot } from './spots.js';

/** Spots of every image of a set. */
export interface SpotSet {
  readonly name: string;
  readonly images: readonly (readonly Spot[])[];
}

export interface SpotStatistic {
  readonly name: string;
  /** Of the one and the other set. */
  readonly values: readonly [readonly number[], readonly number[]];
  /** End of the axis. */
  readonly end: number;
}

/** Diameter, count, height and spacing. */
export function spotStatistics(a: SpotSet, b: SpotSet): SpotStatistic[] {
  const both = (values: (images: SpotSet['images']) => number[]): SpotStatistic['values'] => [values(a.images), values(b.images)];
  return [
    { name: 'diameter, mm', values: both((images) => images.flat().map((s) => s.diameterMm)), end: 1.2 },
    { name: 'spots per image', values: both((images) => images.map((spots) => spots.length)), end: 40 },
    { name: 'contrast, local noise = 1', values: both((images) => images.flat().map((s) => s.height)), end: 15 },
    {
      name: 'distance to the nearest, mm',
      values: both((images) => images.flat().flatMap((s) => (s.nearestMm === null ? [] : [s.nearestMm]))),
      end: 5,
    },
  ];
}

/** Value at a part of the values, 0..1; NaN of none. */
export function valueAt(values: readonly number[], part: number): number {
  return quantile(Float64Array.from(values).sort(), part);
}

const PANEL = { width: 300, height: 200, gap: 50, left: 45, top: 50 }; // px
const BINS = 24;
/** Okabe and Ito: distinct for the colour-blind. */
const COLOURS = ['#000000', '#d55e00'] as const;

/** A histogram per statistic, both sets in one panel, each scaled to its own sum; medians as broken lines. */
export function comparisonSvg(statistics: readonly SpotStatistic[], names: readonly [string, string]): string {
  const width = PANEL.left + statistics.length * (PANEL.width + PANEL.gap);
  const height = PANEL.top + PANEL.height + 60;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...names.map(
      (name, k) => `<text x="${PANEL.left + 250 * k}" y="22" fill="${COLOURS[k]}" font-weight="bold">${escapeHtml(name)}</text>`,
    ),
    ...statistics.flatMap((statistic, i) => panel(statistic, PANEL.left + i * (PANEL.width + PANEL.gap))),
    '</svg>\n',
  ].join('\n');
}

function panel({ name, values, end }: SpotStatistic, left: number): string[] {
  const bottom = PANEL.top + PANEL.height;
  const shares = values.map((v) => histogram(v, end));
  const most = Math.max(1e-9, ...shares.flat());
  const x = (value: number): string => (left + (PANEL.width * Math.min(value, end)) / end).toFixed(1);
  const y = (share: number): string => (bottom - (PANEL.height * share) / most).toFixed(1);
  const outline = (share: readonly number[]): string =>
    share.map((s, i) => `${x((i * end) / BINS)},${y(s)} ${x(((i + 1) * end) / BINS)},${y(s)}`).join(' ');
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => Number((part * end).toPrecision(3)));
  return [
    `<rect x="${left}" y="${PANEL.top}" width="${PANEL.width}" height="${PANEL.height}" fill="none" stroke="#999"/>`,
    ...ticks.map((tick) => `<text x="${x(tick)}" y="${bottom + 16}" text-anchor="middle">${tick}${tick === end ? '+' : ''}</text>`),
    `<text x="${left + PANEL.width / 2}" y="${bottom + 36}" text-anchor="middle">${escapeHtml(name)}</text>`,
    ...shares.map((share, k) => `<polyline points="${outline(share)}" fill="none" stroke="${COLOURS[k]}" stroke-width="1.5"/>`),
    ...values.map((v, k) => {
      const middle = valueAt(v, 0.5);
      return Number.isNaN(middle)
        ? ''
        : `<line x1="${x(middle)}" y1="${PANEL.top}" x2="${x(middle)}" y2="${bottom}" stroke="${COLOURS[k]}" stroke-dasharray="4 3"/>`;
    }),
  ];
}

/** Share of the values in each of BINS equal parts of 0 .. end; the last holds what lies beyond. */
function histogram(values: readonly number[], end: number): number[] {
  const counts = new Array<number>(BINS).fill(0);
  for (const v of values) counts[Math.min(BINS - 1, Math.max(0, Math.floor((v / end) * BINS)))]!++;
  return counts.map((n) => n / (values.length || 1));
}
