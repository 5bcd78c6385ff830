// Ends CI's output with what a reader of its last lines needs from Vitest's JSON reports: the slowest files, each failed
// test with its message, and `N passed, N failed`. The second report, if there is one, is of the files that failed in the
// first: a test that only passed there is named UNSTABLE, with what it said at first. Further arguments name other steps that
// failed, each of which counts as a test. Exits with 1 if anything failed or was skipped, which is not allowed in CI.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const SLOWEST_FILES = 15;
const MESSAGE_LINES = 12;

const [firstReport, secondReport, ...failedSteps] = process.argv.slice(2);
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const first = read(firstReport);
const second = secondReport === '' ? undefined : read(secondReport);
const path = (file) => relative(process.cwd(), file.name);
const seconds = (file) => (file.endTime - file.startTime) / 1000;
const isFailed = ({ status }) => status === 'failed';
const firstLines = (message) =>
  message
    .split('\n')
    .filter((line) => !line.includes('/node_modules/'))
    .slice(0, MESSAGE_LINES)
    .map((line) => `    ${line}`)
    .join('\n');

/** A line for each failed test of a file, or for the file if it could not run. */
const failuresOf = (file) => {
  const tests = file.assertionResults.filter(isFailed);
  if (tests.length === 0) return [`${path(file)}\n${firstLines(file.message)}`];
  return tests.map((test) => `${path(file)}: ${test.fullName}\n${firstLines(test.failureMessages.join('\n'))}`);
};

const slowest = first.testResults.toSorted((a, b) => seconds(b) - seconds(a)).slice(0, SLOWEST_FILES);
for (const file of slowest) console.log(`${seconds(file).toFixed(0).padStart(5)} s  ${path(file)}`);

// A file's second result counts, with all its tests.
const repeated = new Map(second?.testResults.map((file) => [file.name, file]));
for (const file of first.testResults.filter(isFailed)) {
  if (!repeated.has(file.name)) continue;
  for (const failure of failuresOf(file)) console.log(`UNSTABLE, or failed twice: ${failure}`);
}
const files = first.testResults.map((file) => repeated.get(file.name) ?? file);
for (const file of files.filter(isFailed)) for (const failure of failuresOf(file)) console.log(`FAILED ${failure}`);

for (const step of failedSteps) console.log(`FAILED ${step}: its output is above`);

const tests = files.flatMap((file) => file.assertionResults);
const passed = tests.filter(({ status }) => status === 'passed').length;
const skipped = tests.filter((test) => test.status !== 'passed' && !isFailed(test)).length;
if (skipped > 0) console.log(`${skipped} tests were skipped, which is not allowed in CI`);
const unrunFiles = files.filter((file) => isFailed(file) && !file.assertionResults.some(isFailed)).length;
const failed = tests.filter(isFailed).length + unrunFiles + skipped + failedSteps.length;
console.log(`${passed} passed, ${failed} failed`);
if (failed > 0 || passed === 0) process.exit(1);
