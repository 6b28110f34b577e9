import { UserError } from '../errors.js';
import { writeFileAtomic } from '../files.node.js';
import type { EvaluatedCase } from './case.js';
import { imageExamples, objectExamples, type Example } from './examples.js';
import type { MetricsFile } from './metrics-file.js';
import { reportHtml, type ReportPicture } from './report-html.js';
import { thumbnail } from './thumbnails.node.js';

/** Writes report.html: everything in one file. @param cases of the first model @throws UserError where the place cannot be written */
export async function writeReport(
  path: string,
  metrics: MetricsFile,
  cases: readonly EvaluatedCase[],
  pixelSpacingMm: number | undefined,
): Promise<void> {
  const { threshold, groupThreshold, evaluation } = metrics.models[0]!;
  const thresholds = { threshold, groupThreshold };
  const { misses, falseAlarms } = evaluation.marked.images > 0 ? objectExamples(cases, thresholds) : imageExamples(cases);
  const byId = new Map(cases.map((one) => [one.image.id, one]));
  const pictures = async (examples: readonly Example[]): Promise<ReportPicture[]> => {
    const shown: ReportPicture[] = [];
    for (const example of examples) {
      const svg = await thumbnail(byId.get(example.id)!, example, thresholds, pixelSpacingMm).catch((error: unknown) => {
        if (error instanceof UserError) return ''; // the file went away since it was evaluated
        throw error;
      });
      if (svg !== '') shown.push({ id: example.id, caption: example.caption, svg });
    }
    return shown;
  };
  await writeFileAtomic(path, reportHtml(metrics, { misses: await pictures(misses), falseAlarms: await pictures(falseAlarms) }));
}
