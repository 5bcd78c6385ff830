import type { Unit } from '../report/report-document.js';

/** With commas between thousands and few decimals, the same everywhere. */
export function shown(value: number | null, unit: Unit): string {
  if (value === null) return '–';
  return unit === '%' ? `${value.toFixed(2)}%` : value.toLocaleString('en-US', { maximumFractionDigits: 9 });
}

/** Seconds, with as many decimals as an interval of that length needs. */
export function seconds(value: number, interval: number): string {
  const decimals = Math.min(6, Math.max(0, Math.ceil(-Math.log10(interval)) + 1));
  return `${value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })} s`;
}

/** Round numbers from 0 to at least `max`, about `count` of them. */
export function ticks(max: number, count: number): number[] {
  if (max <= 0) return [0, 1];
  const rough = max / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999)!;
  return Array.from({ length: Math.ceil(max / step - 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}

/** A tick's value, short: `20%`, `1.5k`, `3M`. */
export function tickText(value: number, unit: Unit): string {
  if (unit === '%') return `${value}%`;
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(6))}M`;
  return value >= 1e4 ? `${Number((value / 1e3).toPrecision(6))}k` : value.toLocaleString('en-US');
}
