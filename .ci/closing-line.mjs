// Prints `N passed, N failed` from a Vitest JSON report, and fails if a test was skipped, which is not allowed in CI.
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const skipped = report.numPendingTests + report.numTodoTests;
if (skipped > 0) console.log(`${skipped} tests were skipped, which is not allowed in CI`);
const unrunSuites = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
const failed = report.numFailedTests + unrunSuites + skipped;
console.log(`${report.numPassedTests} passed, ${failed} failed`);
if (failed > 0 || report.numPassedTests === 0) process.exit(1);
