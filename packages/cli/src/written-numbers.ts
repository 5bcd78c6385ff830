// Formats numbers for display.

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** `1,234,567`. */
export function whole(value: number): string {
  return WHOLE.format(value);
}

/** Bits in units of 10⁶: `12.3`, `0.012`. */
export function megabits(bits: number): string {
  return (bits / 1e6).toFixed(bits > 0 && bits < 1e6 ? 3 : 1);
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** Seconds as `3:04:05`, or `12 days`. */
export function duration(seconds: number): string {
  if (seconds >= 86_400 * 3) return `${Math.floor(seconds / 86_400)} days`;
  const two = (value: number): string => String(Math.floor(value) % 60).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two(seconds / 60)}:${two(seconds)}`;
}
