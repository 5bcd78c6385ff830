// Ends CI's output with what a reader of its last lines needs from a Vitest JSON report: the slowest files, each failed
// test with its message, and `N passed, N failed`. Fails if a test failed or was skipped, which is not allowed in CI.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const SLOWEST_FILES = 15;
const MESSAGE_LINES = 12;

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const path = (file) => relative(process.cwd(), file.name);
const seconds = (file) => (file.endTime - file.startTime) / 1000;
const firstLines = (message) =>
  message
    .split('\n')
    .filter((line) => !line.includes('/node_modules/'))
    .slice(0, MESSAGE_LINES)
    .map((line) => `    ${line}`)
    .join('\n');

const slowest = report.testResults.toSorted((a, b) => seconds(b) - seconds(a)).slice(0, SLOWEST_FILES);
for (const file of slowest) console.log(`${seconds(file).toFixed(0).padStart(5)} s  ${path(file)}`);

const failedFiles = report.testResults.filter((file) => file.status === 'failed');
for (const file of failedFiles) {
  const failedTests = file.assertionResults.filter((test) => test.status === 'failed');
  if (failedTests.length === 0) console.log(`FAILED ${path(file)}\n${firstLines(file.message)}`);
  for (const test of failedTests) console.log(`FAILED ${path(file)}: ${test.fullName}\n${firstLines(test.failureMessages.join('\n'))}`);
}

const skipped = report.numPendingTests + report.numTodoTests;
if (skipped > 0) console.log(`${skipped} tests were skipped, which is not allowed in CI`);
const unrunFiles = failedFiles.filter((file) => file.assertionResults.length === 0).length;
const failed = report.numFailedTests + unrunFiles + skipped;
console.log(`${report.numPassedTests} passed, ${failed} failed`);
if (failed > 0 || report.numPassedTests === 0) process.exit(1);
