import type { ImageFigures } from './image-figures.js';
import type { ModelResult } from './metrics-file.js';
import type { Curve } from './object-figures.js';
import { svgPlot, type Series } from './svg-plot.js';

/** Right end of the FROC's axis, false positives per image. */
const FROC_END = 8;

/** All curves that the annotations allow, as SVG elements. */
export function reportPlots(models: readonly ModelResult[]): string[] {
  const name = (file: string, what: string): string => (models.length > 1 ? `${what} ${short(file)}`.trim() : what);
  const objectSeries = (curve: 'froc' | 'afroc'): Series[] =>
    models.flatMap(({ file, evaluation }) =>
      evaluation.objects.map((o) => ({
        name: name(file, `rule ${o.rule}`),
        style: 'steps' as const,
        ...(curve === 'froc' ? o.froc : o.afroc.curve),
      })),
    );
  const imageSeries = (of: (figures: ImageFigures) => Curve): Series[] =>
    models.flatMap(({ file, evaluation: { present, malignant } }) => [
      { name: name(file, 'present'), ...of(present) },
      { name: name(file, 'malignant'), ...of(malignant) },
    ]);
  const reliability = imageSeries(({ calibration: { bins } }) => {
    const filled = bins.filter(({ count }) => count > 0);
    return { x: filled.map(({ meanScore }) => meanScore), y: filled.map(({ positiveShare }) => positiveShare) };
  });
  const plots = [
    { title: 'FROC', xLabel: 'false positives per image', yLabel: 'sensitivity', xMax: FROC_END, series: objectSeries('froc') },
    { title: 'AFROC', xLabel: 'share of images with a false positive', yLabel: 'sensitivity', xMax: 1, series: objectSeries('afroc') },
    {
      title: 'ROC, whole images',
      xLabel: '1 - specificity',
      yLabel: 'sensitivity',
      xMax: 1,
      diagonal: true,
      series: imageSeries(({ roc }) => roc),
    },
    {
      title: 'Precision and recall, whole images',
      xLabel: 'recall',
      yLabel: 'precision',
      xMax: 1,
      series: imageSeries((f) => f.precisionRecall),
    },
    {
      title: 'Reliability',
      xLabel: 'mean score',
      yLabel: 'share of positives',
      xMax: 1,
      diagonal: true,
      series: reliability.map((one) => ({ ...one, style: 'dots' as const })),
    },
  ];
  return plots
    .map((plot) => ({ ...plot, series: plot.series.filter(({ x }) => x.length > 0) }))
    .filter(({ series }) => series.length > 0)
    .map(svgPlot);
}

/** File name without folder and ending. */
const short = (file: string): string =>
  file
    .replace(/^.*[\\/]/, '')
    .replace(/\.safetensors$/, '')
    .slice(0, 24);
