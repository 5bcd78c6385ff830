/** Prints a figure beside its goal. Timings vary by half on a busy machine: a goal that is missed is said, and is no failure. */
export function report(what: string, figure: number, unit: string, goal: number): void {
  const verdict = figure <= goal ? 'met' : 'MISSED';
  console.log(`${what.padEnd(40)}${figure.toFixed(1).padStart(9)} ${unit}   goal: at most ${goal} ${unit}   ${verdict}`);
}
