// A report as data, which is what a page contains and shows (src/page/). Every experiment makes one.

/** A report: plain JSON. */
export interface ReportDocument {
  readonly title: string;
  /** One line below the title. */
  readonly subtitle: string;
  /** Name and version of the program. */
  readonly program: string;
  readonly parts: readonly Part[];
}

export type Part = Facts | Warning | LinePlot | BarPlot | Table;

/** A few numbers with their names. */
export interface Facts {
  readonly kind: 'facts';
  readonly title?: string;
  readonly note?: string;
  readonly facts: readonly { readonly name: string; readonly value: string }[];
}

/** Something that the reader must know before believing the rest. */
export interface Warning {
  readonly kind: 'warning';
  readonly text: string;
}

export type Unit = '%' | '';

/** A value for each x; null where there is none. */
export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** What a share is a share of: shown with it. */
  readonly counts?: readonly number[];
  /** Index of a line with the same colour, of which this is the ideal: dashed. */
  readonly idealOf?: number;
}

/** A moment at which something was changed. */
export interface PlotMark {
  readonly x: number;
  readonly text: string;
}

/** Lines over time in equal intervals, or areas on top of each other. */
export interface LinePlot {
  readonly kind: 'lines';
  readonly title: string;
  readonly note?: string;
  /** Length of an interval in seconds. The first one begins at 0. */
  readonly interval: number;
  readonly unit: Unit;
  readonly stacked: boolean;
  readonly lines: readonly Line[];
  readonly marks: readonly PlotMark[];
}

/** Groups of bars. */
export interface BarPlot {
  readonly kind: 'bars';
  readonly title: string;
  readonly note?: string;
  readonly unit: Unit;
  readonly groups: readonly string[];
  readonly bars: readonly { readonly name: string; readonly values: readonly number[] }[];
}

export interface Table {
  readonly kind: 'table';
  readonly title: string;
  readonly note?: string;
  readonly columns: readonly { readonly name: string; readonly type: 'text' | 'number' | '%' }[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}
