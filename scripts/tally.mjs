// Sums up a CI run: node scripts/tally.mjs VITEST.json tests=0 check=0 demo=1
// prints what failed and then a lone line `N passed, N failed`. A stage counts as one test; the stage `tests` counts through
// the tests in the report, and once more as failed where it failed without naming a test (a crash, a file that does not load).
import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** @typedef {{ status: string, fullName: string }} TestResult */
/** @typedef {{ testResults: { name: string, status: string, assertionResults: TestResult[] }[] }} VitestReport */

/**
 * @param {VitestReport | undefined} report
 * @param {readonly (readonly [name: string, exitCode: number])[]} stages
 */
export function tally(report, stages) {
  const files = report?.testResults ?? [];
  const tests = files.flatMap((file) => file.assertionResults.map((test) => ({ ...test, file: file.name })));
  const failed = tests.filter((test) => test.status === 'failed').map((test) => `${test.file}: ${test.fullName}`);
  const unloaded = files.filter((file) => file.status === 'failed' && !file.assertionResults.some((t) => t.status === 'failed'));
  failed.push(...unloaded.map((file) => `${file.name}: did not run to its end`));
  let passed = tests.filter((test) => test.status === 'passed').length;
  for (const [name, exitCode] of stages) {
    if (name === 'tests' && exitCode !== 0 && failed.length > 0) continue;
    if (exitCode !== 0) failed.push(`${name}: exit code ${exitCode}`);
    else if (name !== 'tests') passed++;
    else if (passed === 0) failed.push('tests: no test ran');
  }
  return { passed, failed };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [file = '', ...stages] = process.argv.slice(2);
  const report = existsSync(file) ? /** @type {VitestReport} */ (JSON.parse(readFileSync(file, 'utf8'))) : undefined;
  const exitCodes = stages.map((stage) => /** @type {const} */ ([stage.split('=')[0] ?? '', Number(stage.split('=')[1])]));
  const { passed, failed } = tally(report, exitCodes);
  for (const name of failed) console.log(`FAILED ${name}`);
  console.log(`${passed} passed, ${failed.length} failed`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}
