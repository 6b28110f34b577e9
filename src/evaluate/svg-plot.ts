/** Apart for colour-blind readers too (Okabe and Ito, https://jfly.uni-koeln.de/color/). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7'] as const;

export interface Series {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Steps hold y until the next x, as FROC curves do; dots mark each point of a line. */
  readonly style?: 'line' | 'steps' | 'dots';
}

export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Right end of the x axis, which starts at 0; y runs from 0 to 1. Points beyond are cut off. */
  readonly xMax: number;
  readonly series: readonly Series[];
  /** A line from (0, 0) to (xMax, 1): chance, or perfect calibration. */
  readonly diagonal?: boolean;
}

const [WIDTH, HEIGHT] = [380, 300];
const LEGEND_ROW = 16;
const AREA = { left: 46, top: 28, right: 14, bottom: 40 };

/** An SVG element that needs nothing else: no script, no style sheet, no network. */
export function svgPlot({ title, xLabel, yLabel, xMax, series, diagonal }: Plot): string {
  const height = HEIGHT + (series.length > 1 ? LEGEND_ROW * Math.ceil(series.length / 2) : 0);
  const inner = { width: WIDTH - AREA.left - AREA.right, height: HEIGHT - AREA.top - AREA.bottom };
  const px = (x: number): number => AREA.left + (Math.min(x, xMax) / xMax) * inner.width;
  const py = (y: number): number => AREA.top + (1 - y) * inner.height;
  const [left, right, top, bottom] = [px(0), px(xMax), py(1), py(0)];
  const xTicks = ticks(xMax).map(
    (x) =>
      `<path d="M${n(px(x))} ${n(top)}V${n(bottom)}" class="grid"/><text x="${n(px(x))}" y="${n(bottom + 14)}" class="mid">${x}</text>`,
  );
  const yTicks = ticks(1).map(
    (y) =>
      `<path d="M${n(left)} ${n(py(y))}H${n(right)}" class="grid"/><text x="${n(left - 6)}" y="${n(py(y) + 4)}" class="end">${y}</text>`,
  );
  const chance = diagonal ? [`<path d="M${n(left)} ${n(bottom)}L${n(right)} ${n(top)}" class="chance"/>`] : [];
  const lines = series.map((one, i) => drawSeries(one, COLOURS[i % COLOURS.length]!, px, py, xMax));
  return [
    `<svg viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeHtml(title)}" class="plot">`,
    `<text x="${n((left + right) / 2)}" y="16" class="mid title">${escapeHtml(title)}</text>`,
    ...xTicks,
    ...yTicks,
    `<path d="M${n(left)} ${n(top)}V${n(bottom)}H${n(right)}" class="axis"/>`,
    ...chance,
    ...lines,
    `<text x="${n((left + right) / 2)}" y="${HEIGHT - 6}" class="mid">${escapeHtml(xLabel)}</text>`,
    `<text transform="translate(12 ${n((top + bottom) / 2)}) rotate(-90)" class="mid">${escapeHtml(yLabel)}</text>`,
    ...legend(series),
    '</svg>',
  ].join('');
}

const n = (value: number): string => String(Number(value.toFixed(1)));

function drawSeries(
  { x, y, style = 'line' }: Series,
  colour: string,
  px: (x: number) => number,
  py: (y: number) => number,
  xMax: number,
): string {
  const points = x.flatMap((value, i) => (Number.isFinite(value) && Number.isFinite(y[i]) ? [[value, y[i]!] as const] : []));
  const dots = (): string => points.map(([a, b]) => `<circle cx="${n(px(a))}" cy="${n(py(b))}" r="3" fill="${colour}"/>`).join('');
  const within = points.filter(([a]) => a <= xMax);
  // A step curve that goes on beyond the axis keeps its height to the end of it.
  const last = within.at(-1);
  const all = style === 'steps' && last && points.length > within.length ? [...within, [xMax, last[1]] as const] : within;
  const path = all.map(([a, b], i) =>
    i === 0 ? `M${n(px(a))} ${n(py(b))}` : style === 'steps' ? `H${n(px(a))}V${n(py(b))}` : `L${n(px(a))} ${n(py(b))}`,
  );
  if (path.length < 2) return dots();
  return `${style === 'dots' ? dots() : ''}<path d="${path.join('')}" fill="none" stroke="${colour}" stroke-width="2"/>`;
}

/** Below the plot, two names in a row: over the curves it would hide some. */
function legend(series: readonly Series[]): string[] {
  if (series.length < 2) return [];
  return series.map(({ name }, i) => {
    const x = AREA.left + (i % 2) * ((WIDTH - AREA.left) / 2);
    const y = HEIGHT + LEGEND_ROW * Math.floor(i / 2) + 10;
    const colour = COLOURS[i % COLOURS.length]!;
    return `<path d="M${n(x)} ${n(y - 4)}h14" stroke="${colour}" stroke-width="3"/><text x="${n(x + 19)}" y="${n(y)}">${escapeHtml(name)}</text>`;
  });
}

/** Round values from 0 to `max`, four to six of them. */
function ticks(max: number): number[] {
  const raw = max / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((s) => s >= raw * 0.999) ?? raw;
  return Array.from({ length: Math.floor(max / step + 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
