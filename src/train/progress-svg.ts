// The picture of a run: one panel beside the other, each with axes, ticks, curves and a legend. Plain SVG, no script, no font files.

export interface Curve {
  readonly name: string;
  /** Step and value, by rising step; values that are not finite leave a gap. */
  readonly points: readonly (readonly [step: number, value: number])[];
  /** Drawn faint, with its running mean on top. */
  readonly noisy?: boolean;
}

export interface Panel {
  readonly title: string;
  readonly curves: readonly Curve[];
  /** A logarithmic axis where the values are positive and span more than a factor of ten. */
  readonly logarithmic: boolean;
}

/** Colours of Okabe and Ito, distinct for the colour-blind: https://jfly.uni-koeln.de/color/ */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'];
const PANEL_WIDTH = 470;
const PLOT = { left: 56, right: 446, top: 36, bottom: 296 }; // within a panel, px
const LEGEND = { top: PLOT.bottom + 58, columns: 2, columnWidth: 200, rowHeight: 18 };
const MOST_POINTS = 390; // of a curve: one per pixel column

/** @param heading first line; @param footer last line, small */
export function progressSvg(heading: string, panels: readonly Panel[], footer: string): string {
  const width = PANEL_WIDTH * panels.length;
  const legendRows = Math.ceil(maximum([1, ...panels.map(({ curves }) => curves.length)]) / LEGEND.columns);
  const height = 26 + LEGEND.top + legendRows * LEGEND.rowHeight + 22;
  const lastStep = maximum([1, ...panels.flatMap(({ curves }) => curves.map(({ points }) => points.at(-1)?.[0] ?? 0))]);
  const body = panels.map((panel, i) => `<g transform="translate(${PANEL_WIDTH * i} 26)">\n${drawPanel(panel, lastStep)}\n</g>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    text(14, 22, heading, 'font-size="15" font-weight="bold"'),
    ...body,
    text(14, height - 8, footer, 'font-size="11" fill="#555"'),
    '</svg>\n',
  ].join('\n');
}

function drawPanel(panel: Panel, lastStep: number): string {
  const curves = panel.curves.map((curve) => ({ ...curve, points: curve.points.filter(([, value]) => Number.isFinite(value)) }));
  const values = curves.flatMap(({ points }) => points.map(([, value]) => value));
  if (values.length === 0)
    return [text(PLOT.left, 24, panel.title, 'font-weight="bold"'), frame(), centred('nothing measured yet')].join('\n');
  const x = linearAxis(0, lastStep, PLOT.left, PLOT.right);
  const y = valueAxis(values, panel.logarithmic);
  return [
    text(PLOT.left, 24, panel.title, 'font-weight="bold"'),
    ...x.ticks.map((tick) => drawTickX(x.place(tick), tick)),
    ...y.ticks.map((tick) => drawTickY(y.place(tick), tick)),
    frame(),
    text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 34, 'step', 'text-anchor="middle"'),
    ...curves.map((curve, i) => drawCurve(curve, x.place, y.place, COLOURS[i % COLOURS.length] ?? 'black')),
    ...curves.map((curve, i) => drawLegend(curve, i, COLOURS[i % COLOURS.length] ?? 'black')),
  ].join('\n');
}

// ---- axes ----

interface Axis {
  readonly ticks: readonly number[];
  /** Position in the panel, px. */
  readonly place: (value: number) => number;
}

function linearAxis(low: number, high: number, from: number, to: number): Axis {
  return { ticks: niceTicks(low, high), place: (value) => from + ((value - low) / (high - low)) * (to - from) };
}

function valueAxis(values: readonly number[], logarithmic: boolean): Axis {
  const [low, high] = [minimum(values), maximum(values)];
  if (logarithmic && low > 0 && high > 10 * low) return logarithmicAxis(low / 1.1, high * 1.1);
  if (low >= 0 && high <= 1 && high > 0.3) return linearAxis(0, 1, PLOT.bottom, PLOT.top); // shares and scores
  const bottom = low >= 0 ? 0 : low - 0.05 * (high - low);
  const top = high + 0.05 * (high - bottom);
  return linearAxis(bottom, top > bottom ? top : bottom + 1, PLOT.bottom, PLOT.top);
}

function logarithmicAxis(low: number, high: number): Axis {
  const { place } = linearAxis(Math.log(low), Math.log(high), PLOT.bottom, PLOT.top);
  const decades = Array.from({ length: Math.ceil(Math.log10(high / low)) + 2 }, (_, i) => Math.floor(Math.log10(low)) + i);
  const digits = decades.length > 5 ? [1] : [1, 2, 5];
  const ticks = decades
    .flatMap((decade) => digits.map((digit) => Number(`${digit}e${decade}`)))
    .filter((tick) => tick >= low && tick <= high);
  return { ticks, place: (value) => place(Math.log(value)) };
}

/** Four to ten round values between low and high: steps of 1, 2 or 5 times a power of ten. */
export function niceTicks(low: number, high: number): number[] {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((digit) => digit * power >= rough * 0.999) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

// ---- marks ----

type Place = (value: number) => number;

function drawCurve({ points, noisy }: Curve, x: Place, y: Place, colour: string): string {
  const line = (drawn: Curve['points'], style: string): string =>
    `<polyline points="${drawn.map(([step, value]) => `${round(x(step))},${round(y(value))}`).join(' ')}" fill="none" stroke="${colour}" ${style}/>`;
  const dots = points.length <= 30 && !noisy;
  return [
    line(thin(points), noisy ? 'stroke-width="1" stroke-opacity="0.25"' : 'stroke-width="1.8"'),
    ...(noisy ? [line(thin(runningMean(points)), 'stroke-width="1.8"')] : []),
    ...(dots ? points.map(([step, value]) => `<circle cx="${round(x(step))}" cy="${round(y(value))}" r="2.4" fill="${colour}"/>`) : []),
  ].join('\n');
}

/** Exponential mean over about 1/25 of the points, corrected for its start at nothing. */
export function runningMean(points: Curve['points']): [step: number, value: number][] {
  const decay = 1 - 1 / Math.max(1, points.length / 25);
  let sum = 0;
  let weight = 0;
  return points.map(([step, value]) => {
    sum = decay * sum + value;
    weight = decay * weight + 1;
    return [step, sum / weight];
  });
}

/** At most MOST_POINTS points: means over runs of neighbours. */
function thin(points: Curve['points']): Curve['points'] {
  const run = Math.ceil(points.length / MOST_POINTS);
  if (run <= 1) return points;
  const mean = (part: Curve['points'], column: 0 | 1): number => part.reduce((sum, point) => sum + point[column], 0) / part.length;
  return Array.from({ length: Math.ceil(points.length / run) }, (_, i) => {
    const part = points.slice(i * run, (i + 1) * run);
    return [mean(part, 0), mean(part, 1)] as const;
  });
}

/** Below the plot, where no curve can run under it; with the last value. */
function drawLegend({ name, points }: Curve, i: number, colour: string): string {
  const x = PLOT.left + LEGEND.columnWidth * (i % LEGEND.columns);
  const y = LEGEND.top + LEGEND.rowHeight * Math.floor(i / LEGEND.columns);
  const last = points.at(-1)?.[1];
  return [
    `<line x1="${x}" x2="${x + 16}" y1="${y - 4}" y2="${y - 4}" stroke="${colour}" stroke-width="2.5"/>`,
    text(x + 21, y, last === undefined ? name : `${name} ${last.toPrecision(3)}`, 'font-size="11"'),
  ].join('\n');
}

function drawTickX(x: number, value: number): string {
  const grid = `<line x1="${round(x)}" x2="${round(x)}" y1="${PLOT.top}" y2="${PLOT.bottom}" stroke="#e4e4e4"/>`;
  return grid + text(x, PLOT.bottom + 16, shorten(value), 'text-anchor="middle"');
}

function drawTickY(y: number, value: number): string {
  const grid = `<line x1="${PLOT.left}" x2="${PLOT.right}" y1="${round(y)}" y2="${round(y)}" stroke="#e4e4e4"/>`;
  return grid + text(PLOT.left - 6, y + 4, shorten(value), 'text-anchor="end"');
}

function frame(): string {
  const { left, right, top, bottom } = PLOT;
  return `<path d="M${left} ${top}V${bottom}H${right}" fill="none" stroke="#444"/>`;
}

function centred(message: string): string {
  return text((PLOT.left + PLOT.right) / 2, (PLOT.top + PLOT.bottom) / 2, message, 'text-anchor="middle" fill="#888"');
}

function text(x: number, y: number, content: string, style: string): string {
  const escaped = content.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
  return `<text x="${round(x)}" y="${round(y)}" ${style}>${escaped}</text>`;
}

/** 20000 as 20k, 0.00001 as 1e-5: fits beside an axis. */
function shorten(value: number): string {
  if (value !== 0 && Math.abs(value) < 1e-3) return value.toExponential().replace('e-0', 'e-');
  if (Math.abs(value) >= 1e6) return `${value / 1e6}M`;
  return Math.abs(value) >= 1e4 ? `${value / 1e3}k` : String(value);
}

const round = (px: number): number => Math.round(px * 10) / 10;
const minimum = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Infinity);
const maximum = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), -Infinity);
