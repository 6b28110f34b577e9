// The report of an evaluation: one HTML file that shows everything without a network, a script or another file.
import { describeThresholds } from '../detect/marking.js';
import type { Difference } from './bootstrap.js';
import type { Figure } from './figures.js';
import type { ImageFigures } from './image-figures.js';
import type { MetricsFile, ModelResult } from './metrics-file.js';
import type { ObjectFigures } from './object-figures.js';
import type { PixelFigures } from './pixel-figures.js';
import { reportPlots } from './report-plots.js';
import type { SubGroup } from './sub-groups.js';
import type { Surface, SurfaceCell } from './surface.js';
import { escapeHtml } from './svg-plot.js';

/** A picture with what it shows. */
export interface ReportPicture {
  readonly id: string;
  readonly caption: string;
  readonly svg: string;
}

export interface ReportPictures {
  readonly misses: readonly ReportPicture[];
  readonly falseAlarms: readonly ReportPicture[];
}

const STYLE = `
:root{color-scheme:light}
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;color:#1a1a1a;background:#fff;max-width:1240px;margin:0 auto;padding:24px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:32px 0 8px;border-bottom:1px solid #ddd;padding-bottom:4px}h3{font-size:15px;margin:20px 0 6px}
.notice{background:#fff3cd;border:1px solid #e0c766;border-radius:6px;padding:6px 12px;font-weight:600;display:inline-block}
table{border-collapse:collapse;margin:6px 0 12px;font-variant-numeric:tabular-nums}
th,td{padding:3px 12px 3px 0;text-align:left;vertical-align:top;border-bottom:1px solid #eee}th{font-weight:600;color:#444}
.small,.ci{color:#666;font-size:13px}.ci{white-space:nowrap}.hash{font-family:ui-monospace,monospace;font-size:12px;word-break:break-all}
.plots,.pictures,.tables{display:flex;flex-wrap:wrap;gap:16px}.tables{gap:8px 48px;align-items:flex-start}
.plot text{font:11px system-ui,sans-serif;fill:#333}.plot .mid{text-anchor:middle}.plot .end{text-anchor:end}.plot .title{font-size:13px;font-weight:600}
.plot .grid{stroke:#eee}.plot .axis{stroke:#888;fill:none}.plot .chance{stroke:#aaa;stroke-dasharray:4 4;fill:none}
figure{margin:0;width:200px}figure svg{background:#000;display:block}figcaption{font-size:12px;color:#444;overflow-wrap:anywhere;margin-top:2px}
table.surface td,table.surface th{padding:4px 10px;border:1px solid #fff}table.surface .small{color:#333}
.mark{fill:none;stroke:#2ecc71;stroke-width:1.5}.found{fill:none;stroke:#ff8c1a;stroke-width:1.5}
details{margin:6px 0}summary{cursor:pointer}
`;

export function reportHtml(metrics: MetricsFile, pictures: ReportPictures): string {
  const { data, models, notice } = metrics;
  const names = models.map(({ file }) => escapeHtml(file)).join(' and ');
  const body = [
    `<h1>${names} on ${escapeHtml(data.dataset)}${data.split === 'all' ? '' : `, split ${escapeHtml(data.split)}`}</h1>`,
    `<p class="notice">${escapeHtml(notice)}</p>`,
    facts(metrics),
    remarks('Notes on the labels', data.notes, true),
    remarks(`Problems of the data (${data.problems.length})`, data.problems, false),
    ...models.map((model) => modelSection(model, models.length > 1)),
    section('Curves', `<div class="plots">${reportPlots(models).join('')}</div>`),
    comparison(metrics),
    pictureSections(pictures, models[0]!.file, models.length > 1),
  ];
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>mcgpu evaluation</title><style>${STYLE}</style></head>\n<body>\n${body.filter(Boolean).join('\n')}\n</body></html>\n`;
}

const section = (title: string, content: string): string => (content === '' ? '' : `<h2>${escapeHtml(title)}</h2>\n${content}`);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const header = head.length === 0 ? '' : `<tr>${head.map((cell) => `<th>${cell}</th>`).join('')}</tr>`;
  return `<table>${header}${rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n')}</table>`;
}

/** `0.912 (0.88 to 0.94)`, or why there is no number. */
function show(figure: Figure, digits = 3): string {
  if ('undefined' in figure) return `<span class="small">undefined: ${escapeHtml(figure.undefined)}</span>`;
  const { value, low, high } = figure;
  const range = low === null || high === null ? 'no interval' : `${low.toFixed(digits)} to ${high.toFixed(digits)}`;
  return `${value.toFixed(digits)}&nbsp;<span class="ci">(${range})</span>`;
}

function facts({ data, models, bootstrap, adapter, time, commit, pixelThreshold }: MetricsFile): string {
  const { images, patients } = models[0]!.evaluation;
  const hash = (text: string): string => `<span class="hash">${escapeHtml(text)}</span>`;
  const rows: [string, string][] = [
    ...models.map(({ file, sha256, architecture, pixelSpacingMm, ...thresholds }): [string, string] => [
      `Model ${escapeHtml(file)}`,
      `${escapeHtml(architecture)} at ${pixelSpacingMm} mm, ${describeThresholds(thresholds)}; sha256 ${hash(sha256)}`,
    ]),
    [
      'Data',
      `${escapeHtml(data.dataset)}, split ${escapeHtml(data.split)}: ${images} images of ${patients} patients; hash ${hash(data.dataHash)}`,
    ],
    ['Intervals', `95 %, bootstrap over patients, ${bootstrap.replicates} replicates, seed ${bootstrap.seed}`],
    ['Segmentation', `probability of any microcalcification >= ${pixelThreshold} on the image's own grid`],
    ['Adapter', escapeHtml(adapter)],
    ['When', `${escapeHtml(time)}, commit ${escapeHtml(commit ?? 'unknown')}`],
    ...(data.looks === null ? [] : [['Looks at this test set', String(data.looks)] satisfies [string, string]]),
  ];
  return table([], rows);
}

function remarks(title: string, lines: readonly string[], open: boolean): string {
  if (lines.length === 0) return '';
  return `<details${open ? ' open' : ''}><summary>${escapeHtml(title)}</summary><ul>${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul></details>`;
}

function modelSection({ file, evaluation, failures }: ModelResult, isOneOfTwo: boolean): string {
  const {
    present,
    malignant,
    malignantBiopsied,
    malignantWithinAreaQuintiles: within,
    objects,
    marked,
    pixels,
    surface: drawn,
    subGroups,
  } = evaluation;
  const extra: string[][] = [
    ...(malignantBiopsied ? [imageRow(malignantBiopsied)] : []),
    ...(within ? [['malignant or not, mean within quintiles of crop area', '', show(within), '', '', '']] : []),
  ];
  const head = ['whole images: what is told apart', 'n', 'AUC', 'average precision', 'calibration error', 'Brier score'];
  const parts = [
    table(head, [imageRow(present), imageRow(malignant), ...extra]),
    objects.length === 0
      ? ''
      : `<h3>Objects: ${marked.marks} marks on ${marked.images} images, ${marked.normal} of them without; ${marked.breastCm2.toFixed(0)} cm2 of breast${marked.outside > 0 ? `; ${marked.outside} marks outside their image do not count` : ''}</h3>`,
    ...objects.map(objectTables),
    pixels ? pixelTable(pixels) : '',
    drawn ? surfaceTable(drawn) : '',
    subGroupTable(subGroups),
    remarks(
      `Images that could not be evaluated (${failures.length})`,
      failures.map(({ id, error }) => `${id}: ${error}`),
      true,
    ),
  ];
  return section(isOneOfTwo ? `Figures of ${file}` : 'Figures', parts.filter(Boolean).join('\n'));
}

function imageRow({ question, positives, negatives, auc, averagePrecision, calibration }: ImageFigures): string[] {
  const numbers = [auc, averagePrecision, calibration.expectedError, calibration.brier].map((figure) => show(figure));
  return [escapeHtml(question), `${positives}&nbsp;/&nbsp;${negatives}`, ...numbers];
}

function objectTables({ rule, text, perImage, perCm2, atThreshold, afroc, bySize }: ObjectFigures): string {
  const rates = (unit: string, rows: ObjectFigures['perImage']): string =>
    table(
      [`false positives per ${unit}`, 'sensitivity'],
      rows.map(({ falsePositives, sensitivity }) => [String(falsePositives), show(sensitivity)]),
    );
  const frozen = table(
    [`marked (${describeThresholds(atThreshold)})`, ''],
    [
      ['sensitivity', show(atThreshold.sensitivity)],
      ['false positives per image', show(atThreshold.falsePositivesPerImage, 2)],
      ['false positives per cm2', show(atThreshold.falsePositivesPerCm2, 3)],
      ['AFROC area', show(afroc.area)],
      ['AFROC images', `<span class="small">${escapeHtml(afroc.images)}</span>`],
    ],
  );
  const known = bySize.filter(({ marks }) => marks > 0);
  const size = ({ fromMm, toMm }: (typeof bySize)[number]): string => (toMm === null ? `at least ${fromMm} mm` : `${fromMm} to ${toMm} mm`);
  const sizes = table(
    ['diameter', 'marks', 'sensitivity at the threshold'],
    known.map((row) => [size(row), String(row.marks), show(row.sensitivity)]),
  );
  return `<h3>Rule ${rule}</h3><p class="small">${escapeHtml(text)}</p><div class="tables">${rates('image', perImage)}${rates('cm2 of breast', perCm2)}${frozen}${sizes}</div>`;
}

function pixelTable({ images, leftOut, precision, recall, dice, iou, objects }: PixelFigures): string {
  const left = leftOut > 0 ? `; ${leftOut} images with single points are left out` : '';
  const rows = [
    ['pixels', 'precision', show(precision)],
    ['', 'recall', show(recall)],
    ['', 'Dice', show(dice)],
    ['', 'IoU', show(iou)],
    [`objects`, `IoU, ${objects.marks} marks, missed ones as 0`, show(objects.iou)],
    ['', `IoU of the ${objects.touched} touched`, show(objects.iouOfTouched)],
  ];
  return `<h3>Segmentation on ${images} images${left}</h3>${table([], rows)}`;
}

/** Rows are diameters, columns contrasts; the darker, the more were found. */
function surfaceTable({ cells, threshold, falsePositivesPerImage }: Surface): string {
  const values = (key: 'diameterMm' | 'contrast'): number[] => [...new Set(cells.map((cell) => cell[key]))].sort((a, b) => a - b);
  const contrasts = values('contrast');
  const cellOf = ({ marks, sensitivity }: SurfaceCell): string => {
    const value = 'value' in sensitivity ? sensitivity.value : 0;
    return `<td style="background:rgb(0 114 178/${(0.55 * value).toFixed(2)})" title="${escapeHtml(bounds(sensitivity))}">${value.toFixed(2)} <span class="small">of ${marks}</span></td>`;
  };
  const rows = values('diameterMm').map((diameterMm) => {
    const own = contrasts.map((contrast) => cells.find((cell) => cell.diameterMm === diameterMm && cell.contrast === contrast));
    return `<tr><th>from ${diameterMm} mm</th>${own.map((cell) => (cell ? cellOf(cell) : '<td></td>')).join('')}</tr>`;
  });
  const head = `<tr><th>diameter \\ contrast</th>${contrasts.map((contrast) => `<th>from ${contrast}</th>`).join('')}</tr>`;
  const title = `<h3>Drawn microcalcifications: sensitivity by diameter and contrast at ${falsePositivesPerImage} false positive per image (rule B, threshold ${threshold.toFixed(4)})</h3>`;
  return `${title}<table class="surface">${head}${rows.join('')}</table>`;
}

function bounds(figure: Figure): string {
  if ('undefined' in figure || figure.low === null || figure.high === null) return 'no interval';
  return `${figure.low.toFixed(2)} to ${figure.high.toFixed(2)}`;
}

function subGroupTable(groups: readonly SubGroup[]): string {
  if (groups.length === 0) return '';
  const hasMarks = groups.some(({ marks }) => marks > 0);
  const head = ['', 'group', 'images', 'AUC present', 'AUC malignant', ...(hasMarks ? ['marks', 'sensitivity (B)', 'FP per image'] : [])];
  const rows = groups.map((g, i) => [
    g.attribute === groups[i - 1]?.attribute ? '' : escapeHtml(g.attribute),
    escapeHtml(g.group) +
      (g.pooled.length > 0 ? ` <span class="small" title="${escapeHtml(g.pooled.join(', '))}">(${g.pooled.length} pooled)</span>` : ''),
    String(g.images),
    show(g.present),
    show(g.malignant),
    ...(hasMarks ? [String(g.marks), show(g.sensitivity), show(g.falsePositivesPerImage, 2)] : []),
  ]);
  return `<h3>Sub-groups (fewer than 30 images are pooled)</h3>${table(head, rows)}`;
}

function comparison({ comparison: rows, models }: MetricsFile): string {
  const [first, second] = models.map(({ file }) => escapeHtml(file));
  const difference = ({ value, low, high }: Difference): string =>
    `${value.toFixed(3)} <span class="ci">(${low.toFixed(3)} to ${high.toFixed(3)})</span>`;
  return section(
    'Comparison: paired bootstrap over the same patients',
    table(
      ['', first ?? '', second ?? '', 'difference', 'p'],
      rows.map((row) => [
        escapeHtml(row.name),
        row.first.toFixed(3),
        row.second.toFixed(3),
        difference(row.difference),
        row.difference.p.toFixed(4),
      ]),
    ),
  );
}

function pictureSections({ misses, falseAlarms }: ReportPictures, model: string, named: boolean): string {
  const row = (pictures: readonly ReportPicture[]): string =>
    pictures.length === 0
      ? ''
      : `<div class="pictures">${pictures.map(({ id, caption, svg }) => `<figure>${svg}<figcaption>${escapeHtml(caption)}<br>${escapeHtml(id)}</figcaption></figure>`).join('')}</div>`;
  const key = '<p class="small">Green circles: marks. Orange squares: marked findings. Contrast stretched.</p>';
  const of = named ? ` of ${model}` : '';
  return [section(`Worst misses${of}`, misses.length > 0 ? key + row(misses) : ''), section(`Worst false alarms${of}`, row(falseAlarms))]
    .filter(Boolean)
    .join('\n');
}
