/** Prints a figure and its goal. A missed goal is reported, but is not a failure: timings vary by half on a busy machine. */
export function report(what: string, figure: number, unit: string, goal: number, digits = 1): void {
  const verdict = figure <= goal ? 'met' : 'MISSED';
  console.log(`${what.padEnd(40)}${figure.toFixed(digits).padStart(9)} ${unit}   goal: at most ${goal} ${unit}   ${verdict}`);
}
