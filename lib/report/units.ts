// Numbers as people read them. Every function returns plain ASCII and never throws: a report about a run that went
// wrong (NaN losses, zero seconds) must still print.

const scaled = (value: number, step: number, units: readonly string[], separator: string): string => {
  if (!Number.isFinite(value)) return String(value);
  let size = value;
  let unit = 0;
  // 999.95 rather than 1000: what would round to "1000.0 k" is shown as "1.0 M".
  while (Math.abs(size) >= step * 0.99995 && unit < units.length - 1) {
    size /= step;
    unit++;
  }
  const digits = unit === 0 && Number.isInteger(size) ? 0 : Math.abs(size) >= 100 ? 0 : 1;
  return `${size.toFixed(digits)}${units[unit] === '' ? '' : separator + units[unit]}`;
};

/** `61706` as `61,706`. */
export function formatInteger(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** A count in thousands, millions, ...: `61.7 k`. */
export function formatCount(value: number): string {
  return scaled(value, 1000, ['', 'k', 'M', 'G', 'T', 'P'], ' ');
}

/** Bytes in powers of 1024: `4.7 KiB`. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB'], ' ');
}

/** A time in the largest fitting unit: `12.3 us`, `4.6 ms`, `12.0 s`, `3:05`, `1:02:03`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '-';
  if (seconds >= 59.95) {
    const total = Math.round(seconds);
    const pad = (value: number) => String(value).padStart(2, '0');
    const hours = Math.floor(total / 3600);
    const minutes = Math.floor((total % 3600) / 60);
    return hours > 0 ? `${hours}:${pad(minutes)}:${pad(total % 60)}` : `${minutes}:${pad(total % 60)}`;
  }
  if (seconds >= 0.99995) return `${seconds.toFixed(1)} s`;
  if (seconds >= 0.99995e-3) return `${(seconds * 1e3).toFixed(1)} ms`;
  return `${(seconds * 1e6).toFixed(1)} us`;
}

/** A share as a percentage with two digits, `-` when there is nothing to take a share of. */
export function formatPercent(share: number | undefined): string {
  return share === undefined || Number.isNaN(share) ? '-' : `${(share * 100).toFixed(2)} %`;
}

/** A loss: four decimals, or scientific where four decimals would show nothing. */
export function formatLoss(loss: number | undefined): string {
  if (loss === undefined) return '-';
  if (!Number.isFinite(loss)) return String(loss);
  return (Math.abs(loss) < 1e-3 && loss !== 0) || Math.abs(loss) >= 1e5 ? loss.toExponential(2) : loss.toFixed(4);
}
